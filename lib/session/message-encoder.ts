import { isUtf8 } from "node:buffer";
import { Delivery } from "../message/delivery.js";
import type { Message } from "../message/message.js";
import { SharedMessage } from "../socket/shared-message.js";
import { headerLine } from "../stomp/encoder.js";
import type { StompVersion } from "../stomp/version.js";

/** A publication as MESSAGE in one version, but for what is a subscriber's own; one character for each byte. */
interface Template {
  readonly head: string;
  readonly tail: string;
  readonly binary: boolean;
  /** What was made of it, by subscription id. */
  readonly messages: Map<string, SharedMessage>;
}

/** What is a subscriber's own. */
type Own = Pick<Delivery, "subscriptionId" | "ackId">;

/** Headers of MESSAGE that are ours to write; a sender's headers of these names do not pass. */
const OURS = new Set([
  "destination",
  "content-type",
  "content-length",
  "subscription",
  "message-id",
  "ack",
  "receipt",
]);

/**
 * Writes MESSAGE frames. A publication is written once for each version, and
 * gets each subscriber's id put in; all who chose the same id, and most clients
 * number theirs alike, share the same message.
 */
export class MessageEncoder {
  /** Only the newest publication is remembered, and for one turn of the event loop: a fan-out is one loop. */
  #publication: Message | undefined;
  readonly #templates = new Map<StompVersion, Template>();
  #forgetting = false;

  encode(message: Message, version: StompVersion): SharedMessage {
    if (!(message instanceof Delivery)) {
      const { subscriptionId = "", ackId } = message.headers;
      return fill(templateOf(message, version), version, { subscriptionId, ackId });
    }

    const { publication, subscriptionId, ackId } = message;
    if (publication !== this.#publication) this.#remember(publication);

    let template = this.#templates.get(version);
    if (!template) {
      template = templateOf(publication, version);
      this.#templates.set(version, template);
    }
    // Nobody else is sent what one subscriber is to acknowledge.
    if (ackId !== undefined) return fill(template, version, message);

    let encoded = template.messages.get(subscriptionId);
    if (!encoded) {
      encoded = fill(template, version, message);
      template.messages.set(subscriptionId, encoded);
    }
    return encoded;
  }

  #remember(publication: Message): void {
    this.#publication = publication;
    this.#templates.clear();
    if (this.#forgetting) return;

    this.#forgetting = true;
    setImmediate(() => {
      this.#forgetting = false;
      this.#publication = undefined;
      this.#templates.clear();
    });
  }
}

function templateOf({ payload, headers }: Message, version: StompVersion): Template {
  const { destination = "", contentType, messageId = "" } = headers;
  let head = `MESSAGE\n${headerLine("destination", destination, version)}`;
  if (contentType !== undefined) head += headerLine("content-type", contentType, version);
  for (const [name, value] of headers.native) {
    if (name !== "" && !OURS.has(name)) head += headerLine(name, value, version);
  }
  const behind = `${headerLine("message-id", messageId, version)}content-length:${payload.length}\n\n`;
  const body = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString("latin1");

  return {
    head: octets(head),
    tail: `${octets(behind)}${body}\0`,
    binary: isBinary(payload, contentType),
    messages: new Map(),
  };
}

function fill({ head, tail, binary }: Template, version: StompVersion, own: Own): SharedMessage {
  let lines = headerLine("subscription", own.subscriptionId, version);
  // Before 1.2 a client acknowledges by message-id.
  if (own.ackId !== undefined && version === "1.2") lines += headerLine("ack", own.ackId, version);
  return new SharedMessage(head + octets(lines) + tail, binary);
}

/** Text as its UTF-8, one character for each byte. */
function octets(text: string): string {
  return Buffer.byteLength(text) === text.length ? text : Buffer.from(text).toString("latin1");
}

/** A text WebSocket message must be UTF-8, or the browser ends the connection. */
function isBinary(payload: Uint8Array, contentType = ""): boolean {
  return payload.length > 0 && (contentType.startsWith("application/octet-stream") || !isUtf8(payload));
}
