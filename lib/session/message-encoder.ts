import { isUtf8 } from "node:buffer";
import { Delivery } from "../message/delivery.js";
import type { Message } from "../message/message.js";
import { NativeHeaders } from "../message/native-headers.js";
import { encode } from "../stomp/encoder.js";
import type { StompVersion } from "../stomp/version.js";

export interface EncodedMessage {
  readonly bytes: Uint8Array;
  /** Whether it travels as a binary WebSocket message. */
  readonly binary: boolean;
}

/** Headers of MESSAGE that are ours to write; a sender's headers of these names do not pass. */
const OURS = [
  "destination",
  "content-type",
  "content-length",
  "subscription",
  "message-id",
  "ack",
  "receipt",
];

/**
 * Writes MESSAGE frames. All subscribers of one publication that chose the same
 * subscription id (and most clients number theirs alike) share the same bytes.
 */
export class MessageEncoder {
  /** Only the newest publication is remembered: a fan-out is one synchronous loop. */
  #publication: Message | undefined;
  readonly #encoded = new Map<string, EncodedMessage>();

  encode(message: Message, version: StompVersion): EncodedMessage {
    if (!(message instanceof Delivery)) {
      const { subscriptionId, ackId } = message.headers;
      return encodeMessage(message, version, subscriptionId, ackId);
    }

    const { publication, subscriptionId, ackId } = message;
    if (ackId !== undefined) return encodeMessage(publication, version, subscriptionId, ackId);
    if (publication !== this.#publication) {
      this.#publication = publication;
      this.#encoded.clear();
    }

    const key = version + subscriptionId;
    let encoded = this.#encoded.get(key);
    if (!encoded) {
      encoded = encodeMessage(publication, version, subscriptionId);
      this.#encoded.set(key, encoded);
    }
    return encoded;
  }
}

function encodeMessage(
  { payload, headers }: Message,
  version: StompVersion,
  subscriptionId = "",
  ackId?: string,
): EncodedMessage {
  const flat = ["destination", headers.destination ?? ""];
  if (headers.contentType !== undefined) flat.push("content-type", headers.contentType);
  for (const [name, value] of headers.native) {
    if (!OURS.includes(name)) flat.push(name, value);
  }
  flat.push("subscription", subscriptionId, "message-id", headers.messageId ?? "");
  // Before 1.2 a client acknowledges by message-id.
  if (ackId !== undefined && version === "1.2") flat.push("ack", ackId);

  return {
    bytes: encode({ command: "MESSAGE", headers: NativeHeaders.fromFlat(flat), body: payload }, version),
    binary: isBinary(payload, headers.contentType),
  };
}

/** A text WebSocket message must be UTF-8, or the browser ends the connection. */
function isBinary(payload: Uint8Array, contentType = ""): boolean {
  return payload.length > 0 && (contentType.startsWith("application/octet-stream") || !isUtf8(payload));
}
