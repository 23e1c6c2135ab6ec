import { isBinary } from "../message/content-type.js";
import { Delivery, ForwardedDelivery, ReplayDelivery } from "../message/delivery.js";
import type { Message } from "../message/message.js";
import { join, type Octets, octetsOf } from "../message/octets.js";
import { OF_FRAME_NAMES } from "../message/publication.js";
import { SharedMessage, SharedPart, type Template } from "../socket/shared-message.js";
import { endOf, headerLine, headOf, plainNameLine } from "../stomp/encoder.js";
import type { StompVersion } from "../stomp/version.js";

/** A publication, and what was made of it so far. */
interface Remembered {
  readonly publication: Message | undefined;
  readonly versions: Partial<Record<StompVersion, Filled>>;
}

interface Filled {
  /** The publication as MESSAGE in one version, but for what is a subscriber's own. */
  readonly template: Template;
  /** Of the id that came first: to most publications there is no other. */
  first?: SharedMessage;
  firstId?: string;
  others?: Map<string, SharedMessage>;
}

/** The headers that are a subscriber's own. */
type Own = Pick<Delivery, "subscriptionId" | "ackId">;

const NOTHING: Remembered = { publication: undefined, versions: {} };

/**
 * Writes MESSAGE frames. A publication is written once for each version, and
 * gets each subscriber's id put in; subscribers of the same id, and most clients
 * number theirs alike, share the same message.
 */
export class MessageEncoder {
  /**
   * Only the newest publication is remembered, and for one turn of the event loop: a fan-out is one loop. Of what is
   * replayed all is, since those who come back together are given it one after the other.
   * Never a Map that is cleared: its former tables are linked to the new ones, which the scavenger then promotes.
   */
  #remembered = NOTHING;
  #replayed: Map<Message, Remembered> | undefined;
  #forgetting = false;

  encode(message: Message, version: StompVersion): SharedMessage {
    if (!(message instanceof Delivery)) {
      const { subscriptionId = "", ackId } = message.headers;
      return fill(templateOf(message, version), version, { subscriptionId, ackId });
    }

    const { publication, subscriptionId, ackId } = message;
    if (publication !== this.#remembered.publication) {
      if (message instanceof ForwardedDelivery && message.written.version === version)
        return forwarded(message);
      this.#remember(publication, message instanceof ReplayDelivery);
    }

    const { versions } = this.#remembered;
    let filled = versions[version];
    if (!filled) {
      filled = { template: templateOf(publication, version) };
      versions[version] = filled;
    }
    // Nobody else is sent what one subscriber is to acknowledge.
    if (ackId !== undefined) return fill(filled.template, version, message);
    if (filled.first === undefined) {
      filled.first = fill(filled.template, version, message);
      filled.firstId = subscriptionId;
      return filled.first;
    }
    if (subscriptionId === filled.firstId) return filled.first;

    filled.others ??= new Map();
    let encoded = filled.others.get(subscriptionId);
    if (!encoded) {
      encoded = fill(filled.template, version, message);
      filled.others.set(subscriptionId, encoded);
    }
    return encoded;
  }

  #remember(publication: Message, isReplayed: boolean): void {
    const known = isReplayed ? this.#replayed?.get(publication) : undefined;
    this.#remembered = known ?? { publication, versions: {} };
    if (known) return;

    if (isReplayed) {
      this.#replayed ??= new Map();
      this.#replayed.set(publication, this.#remembered);
    }
    if (this.#forgetting) return;

    this.#forgetting = true;
    setImmediate(() => {
      this.#forgetting = false;
      this.#remembered = NOTHING;
      this.#replayed = undefined;
    });
  }
}

/** A frame as it came. */
function forwarded({ payload, written: { head, contentType } }: ForwardedDelivery): SharedMessage {
  const octets = `${head}\n${octetsOf(payload)}\0` as Octets;
  return new SharedMessage(octets, isBinary(payload, contentType));
}

function templateOf({ payload, headers }: Message, version: StompVersion): Template {
  const { destination = "", contentType, messageId = "" } = headers;
  let head = join(headOf("MESSAGE", [], version), plainNameLine("destination", destination, version));
  if (contentType !== undefined) head = join(head, plainNameLine("content-type", contentType, version));
  for (const [name, value] of headers.native) {
    // A client that trims names would find two of one name, and might believe the sender's.
    if (name !== "" && !OF_FRAME_NAMES.isIn(name, 0, name.length))
      head = join(head, headerLine(name, value, version));
  }
  const tail = join(plainNameLine("message-id", messageId, version), endOf("MESSAGE", payload));
  return { head: new SharedPart(head), tail: new SharedPart(tail), binary: isBinary(payload, contentType) };
}

function fill(template: Template, version: StompVersion, own: Own): SharedMessage {
  let lines = plainNameLine("subscription", own.subscriptionId, version);
  // Before 1.2 a client acknowledges by message-id.
  if (own.ackId !== undefined && version === "1.2")
    lines = join(lines, plainNameLine("ack", own.ackId, version));
  return SharedMessage.filled(template, lines);
}
