import { createMessage, type Message, type MessageHeaders, NO_PAYLOAD } from "../../message/message.js";
import { NativeHeaders } from "../../message/native-headers.js";
import { OF_FRAME_NAMES } from "../../message/publication.js";
import { isServers, withoutReserved } from "../../message/reserved-headers.js";
import type { ClientCommand } from "../../stomp/command.js";
import type { Frame } from "../../stomp/frame.js";
import type { StompVersion } from "../../stomp/version.js";

/** Gives the frame of a client's message, with the headers that are for the broker. */
export function clientFrame({ payload, headers }: Message): Frame {
  const { messageType, stompCommand, destination, subscriptionId, contentType, native } = headers;
  const id = subscriptionId;
  if (messageType === "MESSAGE")
    return frame("SEND", native, { destination, "content-type": contentType }, payload);
  if (messageType === "SUBSCRIBE") return frame("SUBSCRIBE", native, { id, destination });
  if (messageType === "UNSUBSCRIBE") return frame("UNSUBSCRIBE", native, { id });
  return frame(stompCommand as ClientCommand, native, {});
}

/** Gives SEND for what the application sends. Headers that would make it part of something else are left out. */
export function applicationFrame({ payload, headers }: Message): Frame {
  const { destination, contentType, native } = headers;
  const others = native.withoutAll(OF_FRAME_NAMES).without("id");
  return frame("SEND", others, { destination, "content-type": contentType }, payload);
}

/** Gives UNSUBSCRIBE for a subscription that its client does not end itself. */
export function unsubscribeFrame(id: string, queue: string | undefined): Frame {
  return frame("UNSUBSCRIBE", NativeHeaders.EMPTY, { id, "x-queue-name": queue });
}

/** Gives a MESSAGE of the broker as a message, with all its headers as they came but for what only we say. */
export function brokerMessage({ headers, body }: Frame, ours: Partial<MessageHeaders> = {}): Message {
  return createMessage(body, {
    destination: headers.get("destination"),
    subscriptionId: headers.get("subscription"),
    messageId: headers.get("message-id"),
    ackId: headers.get("ack"),
    contentType: headers.get("content-type"),
    native: withoutReserved(headers, "broker"),
    ...ours,
  });
}

/** A MESSAGE of the broker for one client, whose headers become ours only if somebody looks. */
export class BrokerPublication implements Message {
  readonly #frame: Frame;
  #headers: MessageHeaders | undefined;

  constructor(frame: Frame) {
    this.#frame = frame;
  }

  get payload(): Uint8Array {
    return this.#frame.body;
  }

  get headers(): MessageHeaders {
    this.#headers ??= brokerMessage(this.#frame).headers;
    return this.#headers;
  }
}

/** Headers of a MESSAGE that it has to say once, to go on as it came; what others speak of themselves by, it may not have. */
const SAID_ONCE = ["destination", "subscription", "message-id", "content-length", "content-type", "ack"];
/** All but the last two. */
const REQUIRED = 0b1111;
const ACK = 0b100000;

/**
 * Gives the head of a MESSAGE that may go on to its client octet by octet: it has each header once that we would write,
 * under its very name, and none that we would leave out. `undefined` for all others, which are written anew.
 */
export function passableHead({ headers }: Frame, version: StompVersion): string | undefined {
  const { head } = headers;
  if (head === undefined) return undefined;

  let said = 0;
  const passes = headers.everyName((text, from, to) => {
    if (isServers(text, from, to)) return false;
    if (!OF_FRAME_NAMES.isIn(text, from, to)) return true;
    const index = SAID_ONCE.findIndex((name) => name.length === to - from && text.startsWith(name, from));
    const isNew = index >= 0 && (said & (1 << index)) === 0;
    said |= 1 << index;
    return isNew;
  });
  if (!passes || (said & REQUIRED) !== REQUIRED) return undefined;
  if ((said & ACK) !== 0 && version !== "1.2") return undefined;
  // From 1.1 on a colon in a value is written as an escape, and brokers differ.
  return version === "1.0" || colonsIn(head) === headers.size ? head : undefined;
}

function colonsIn(text: string): number {
  let count = 0;
  for (let at = text.indexOf(":"); at >= 0; at = text.indexOf(":", at + 1)) count++;
  return count;
}

function frame(
  command: ClientCommand,
  others: NativeHeaders,
  headers: Readonly<Record<string, string | undefined>>,
  body: Uint8Array = NO_PAYLOAD,
): Frame {
  return { command, headers: NativeHeaders.of([...NativeHeaders.of(headers), ...others]), body };
}
