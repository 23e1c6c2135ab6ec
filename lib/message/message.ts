import { ownText } from "../own-text.js";
import { NativeHeaders } from "./native-headers.js";
import type { SessionGrant } from "./session-grant.js";

/** The type of a message, as Spring's `SimpMessageType`. */
export type SimpMessageType =
  | "CONNECT"
  | "CONNECT_ACK"
  | "MESSAGE"
  | "SUBSCRIBE"
  | "UNSUBSCRIBE"
  | "DISCONNECT"
  | "OTHER";

/** The person behind a session, as Java's `Principal`. The name identifies; all else is the application's. */
export interface Principal {
  readonly name: string;
}

/** One client's subscription, as far as its deliveries have to know. */
export interface Subscriber {
  readonly sessionId: string;
  /** As the client chose it. */
  readonly id: string;
  /** Whether it is over: then nothing of it is delivered any more, not even what is on its way. */
  readonly gone: boolean;
  /** Whether what it is not given is to be somebody else's: a queue's message. Default: it is not. */
  readonly isOwed?: boolean;
}

/**
 * Our own headers. An application may declare more by merging into this
 * interface; what clients send and are sent is in `native`.
 */
export interface MessageHeaders {
  readonly messageType: SimpMessageType;
  readonly destination?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly subscriptionId?: string | undefined;
  /** Common to all deliveries of one publication. */
  readonly messageId?: string | undefined;
  /** Of a delivery: whether its subscription is over. A message that an interceptor makes of it keeps that. */
  readonly subscription?: { readonly gone: boolean; readonly isOwed?: boolean } | undefined;
  /** The id that a delivery is acknowledged by; in an ACK or NACK of STOMP 1.2, and in a delivery that waits for one. */
  readonly ackId?: string | undefined;
  readonly user?: Principal | undefined;
  /**
   * The one session that a message to a user's destination is for, and that a
   * subscription of such hears from. Nothing a client writes can set it.
   */
  readonly privateTo?: string | undefined;
  /** The user whom a message to a user's destination is for, where it is kept for one who is not there; and the sessions that hear it now. */
  readonly forUser?: { readonly name: string; readonly sessionIds: readonly string[] } | undefined;
  /** The subscriptions that one message is for, private ones to its destination (`privateTo`), of as many sessions. */
  readonly forSubscriptions?: readonly { readonly sessionId: string; readonly id: string }[] | undefined;
  /** The place of a message that has come over a backplane, empty where that has no log. It goes to nobody but clients here. */
  readonly position?: string | undefined;
  /** In CONNECT or a later message of a session: how long it may last from now on. */
  readonly grant?: SessionGrant | undefined;
  /** Lives as long as the session. */
  readonly sessionAttributes?: Map<string, unknown> | undefined;
  readonly contentType?: string | undefined;
  /** The client command of an `OTHER` message: ACK, NACK, BEGIN, COMMIT or ABORT. */
  readonly stompCommand?: string | undefined;
  /** The broker's offer of heart-beats in CONNECT_ACK, in ms: it sends every [0], and wants to hear every [1]. */
  readonly heartbeat?: readonly [number, number] | undefined;
  /** The RECEIPT that a client waits for, if it asked for one: a handler of the message can put it off. */
  readonly receipt?: Receipt | undefined;
  readonly native: NativeHeaders;
}

/**
 * Every header of ours, and how far it goes: `session` stands in every message of a session, `published` goes on from
 * a publisher to subscribers and to other servers, `message` is of one message only.
 */
const OWN = {
  messageType: "message",
  destination: "published",
  sessionId: "session",
  subscriptionId: "message",
  subscription: "message",
  messageId: "message",
  ackId: "message",
  user: "session",
  privateTo: "message",
  forUser: "message",
  forSubscriptions: "message",
  position: "message",
  grant: "message",
  sessionAttributes: "session",
  contentType: "published",
  stompCommand: "message",
  heartbeat: "message",
  receipt: "message",
  native: "published",
} as const satisfies { readonly [Name in keyof MessageHeaders]-?: "session" | "published" | "message" };

type Going<Far> = {
  [Name in keyof typeof OWN]: (typeof OWN)[Name] extends Far ? Name : never;
}[keyof typeof OWN];

/** The headers that every message of a session carries: a literal that leaves one out does not compile. */
export type SessionHeaders = { readonly [Name in Going<"session">]: MessageHeaders[Name] };

/** The headers that go on from a publisher to subscribers: all others are between the publisher and us. */
export type PublishedHeaders = { readonly [Name in Going<"published">]: MessageHeaders[Name] };

/** Whether a header of this name is ours: where it is missing, a client's of the same name must not stand in. */
export function isOwnHeader(name: string): name is keyof typeof OWN {
  return Object.hasOwn(OWN, name);
}

/** A RECEIPT that is due once a client's message was handled. */
export interface Receipt {
  /** Puts it off until then, while the session goes on; a rejection makes it ERROR. */
  waitFor(confirmed: Promise<void>): void;
}

/** A message on the channels: read-only data. Change one with `withHeaders` or `withPayload`. */
export interface Message<P = Uint8Array> {
  readonly payload: P;
  readonly headers: MessageHeaders;
}

export const NO_PAYLOAD = new Uint8Array(0);

/** A message that is all in its headers. */
export function emptyMessage(headers: MessageHeaders): Message {
  return { payload: NO_PAYLOAD, headers };
}

/**
 * A message of type MESSAGE with no native headers, unless `headers` say otherwise.
 *
 * @example
 * ```ts
 * const message = createMessage(new Uint8Array([1, 2]), { contentType: "application/octet-stream" });
 * ```
 */
export function createMessage<P>(payload: P, headers: Partial<MessageHeaders> = {}): Message<P> {
  return { payload, headers: { messageType: "MESSAGE", native: NativeHeaders.EMPTY, ...headers } };
}

/**
 * The same message with these headers changed; `undefined` removes one.
 *
 * @example
 * ```ts
 * const authenticated = withHeaders(message, { user: { name: "rod" } });
 * const marked = withHeaders(message, { native: message.headers.native.with("seen", "yes") });
 * ```
 */
export function withHeaders<P>(message: Message<P>, headers: Partial<MessageHeaders>): Message<P> {
  // Two spreads would make a hidden class of its own for each message, at ten times the price.
  return { payload: message.payload, headers: Object.assign({}, message.headers, headers) };
}

/** Gives the message with another payload; the one it is given stays as it is. */
export function withPayload<P>(message: Message<unknown>, payload: P): Message<P> {
  return { payload, headers: message.headers };
}

/** The bytes that a message takes beside its payload and its client's headers, and a payload beside its octets. */
const MESSAGE_BYTES = 448;
const PAYLOAD_BYTES = 208;
/** So much may be kept besides a payload, as the head of its frame is: a copy costs more, and the size stays right by a quarter. */
const SMALL_WASTE = 192;

/** About what a message takes while it is kept, in bytes. */
export function sizeOf({ payload, headers }: Message): number {
  const { byteLength } = payload;
  return (byteLength && byteLength + PAYLOAD_BYTES) + headers.native.byteLength + MESSAGE_BYTES;
}

/** How long the frame is that a client gets of a message, in bytes: roughly. */
export function frameSizeOf({ payload, headers }: Message): number {
  const { destination = "", subscriptionId = "", messageId = "", contentType = "", native } = headers;
  let size = payload.byteLength + 96 + destination.length + subscriptionId.length;
  size += messageId.length + contentType.length;
  for (const [name, value] of native) size += name.length + value.length + 2;
  return size;
}

/** A message to keep, and nothing with it: what is a slice of something much larger is copied. */
export function compact(message: Message): Message {
  const { payload, headers } = message;
  const native = headers.native.compact();
  const besides = payload.buffer.byteLength - payload.byteLength;
  const isSlice = besides > Math.max(SMALL_WASTE, payload.byteLength / 4);
  if (native === headers.native && !isSlice) return message;

  return {
    payload: isSlice ? new Uint8Array(payload) : payload,
    headers: native === headers.native ? headers : ownTexts(headers, native),
  };
}

function ownTexts(headers: MessageHeaders, native: NativeHeaders): MessageHeaders {
  const { destination, contentType } = headers;
  return Object.assign({}, headers, {
    native,
    destination: destination && ownText(destination),
    contentType: contentType && ownText(contentType),
  });
}

/** Whether it is a message: what a function of the application returned may be anything. */
export function isMessage(value: unknown): value is Message {
  if (typeof value !== "object" || value === null) return false;

  const { payload, headers } = value as Partial<Message>;
  return payload instanceof Uint8Array && headers?.native instanceof NativeHeaders;
}
