import type { IncomingMessage } from "node:http";
import { inspect } from "node:util";
import { ConfigurationError } from "./errors.js";
import type { Logger } from "./logger.js";
import type { Message, Principal } from "./message/message.js";
import type { SessionGrant } from "./message/session-grant.js";

/**
 * Why no connection came of a handshake:
 *
 * - `origin`: the page is of another origin, and not allowed
 * - `limit`: there are too many connections, or too many of a SockJS client's owner
 * - `interceptor`: `beforeHandshake` of an interceptor refused it
 * - `error`: an interceptor or the endpoint's `user` threw
 * - `application`: the application answered it before it came to an endpoint, 401 or 404 perhaps
 * - `timeout`: the application did not answer within `handshakeTimeout`
 * - `unattached`: `messaging.attach(server)` was not called
 * - `upgrade`: it came without `Upgrade`, which a proxy in front has dropped
 * - `method`, `headers`, `body`: it is no handshake as RFC 6455 wants it
 * - `path`: WebSocket is not served at that path
 * - `closing`: `messaging.close` was called
 */
export type HandshakeRefusalReason =
  | "origin"
  | "limit"
  | "interceptor"
  | "error"
  | "application"
  | "timeout"
  | "unattached"
  | "upgrade"
  | "method"
  | "headers"
  | "body"
  | "path"
  | "closing";

/** A handshake of which no connection came, or a SockJS client's request to that end. */
export interface HandshakeRefusal {
  readonly reason: HandshakeRefusalReason;
  /** The HTTP status of the answer; `undefined` when the application's error middleware answers. */
  readonly status: number | undefined;
  /** A sentence for those who run the server: the fault, and what would be right. */
  readonly message: string;
  /** The option whose limit was passed, if that is the reason. */
  readonly limit?: string | undefined;
  readonly request: IncomingMessage;
}

/**
 * How a stream with `@Detached` has ended:
 *
 * - `end`: all of it was sent
 * - `error`: the method's iterable, or the sending of an element, has failed
 * - `timeout`: it took longer than its `timeout`
 * - `abort`: `messaging.abort` was called
 * - `closing`: `messaging.close` was called
 */
export type DetachedEnd = "end" | "error" | "timeout" | "abort" | "closing";

/** The events that the library announces, by name; as Spring's application events. */
export interface MessagingEvents {
  /** A client's CONNECT was let pass by the interceptors and handed on. */
  connect: { sessionId: string; user: Principal | undefined; message: Message };
  /** CONNECTED was written. */
  connected: { sessionId: string; user: Principal | undefined };
  /** A client's SUBSCRIBE was handed on; no handler has refused it at once. */
  subscribe: { sessionId: string; user: Principal | undefined; message: Message };
  /** A client's SUBSCRIBE was handled: deliveries arrive from now on. */
  subscribed: { sessionId: string; user: Principal | undefined; message: Message };
  /** A client's UNSUBSCRIBE was handed on. */
  unsubscribe: { sessionId: string; user: Principal | undefined; message: Message };
  /**
   * A session that was announced by `connect` has ended; once for each, with the close status. `transport` is that of
   * `stats().connectionsByTransport`, `duration` the ms since its connection was opened.
   */
  disconnect: {
    sessionId: string;
    user: Principal | undefined;
    code: number;
    reason: string;
    transport: string;
    duration: number;
  };
  /**
   * A session's grant ends in so many ms, unless another comes. Told when as
   * much is left as the grant says, again at half of that, and so on.
   */
  expiring: { sessionId: string; user: Principal | undefined; grant: SessionGrant; remaining: number };
  /**
   * A client's SEND went to a destination that neither controllers nor the broker nor users serve, and did not ask
   * for a receipt: with one, and for a SUBSCRIBE, it is ERROR.
   */
  unhandled: { sessionId: string; user: Principal | undefined; message: Message };
  /**
   * A controller's method, or an exception handler, has returned: `method` is its name as `Class.method`, `result`
   * what it returned, or what its promise resolved to. Its reply is sent afterwards.
   */
  controllerResult: { method: string; result: unknown; message: Message };
  /** A controller failed and no exception handler took it. */
  controllerError: { error: Error; message: Message };
  /**
   * A message failed on one of the channels since an interceptor's hook, or the
   * waiting for `concurrency` or for the messages before it, took longer than
   * `handlerTimeout`, or since more than `brokerChannel.waitingSizeLimit` waits:
   * the last two are told once, until nothing of the same sender waits any more.
   */
  channelError: { channel: string; message: Message; error: Error };
  /**
   * Something that the application sent failed, and nobody took the promise's rejection; and it was not while a
   * controller's method handled a message, which would have failed with it. `destination` is as it was given.
   */
  sendFailed: { channel: string; destination: string | undefined; error: Error };
  /**
   * A client passed a limit, called as its option if there is one: its session ends, or a
   * handshake from its address was answered 503, or MESSAGE frames that waited
   * for it are dropped (told once, until nothing waits any more), or it sends more often than `rateLimits[0]` allows
   * (told once in each window). `clientOutboundChannel` is the limit when more
   * than `sendBufferSizeLimit` waits for the interceptors of that channel: they are slow, and not the client.
   */
  limitExceeded: {
    limit: string;
    address: string;
    sessionId: string | undefined;
    user: Principal | undefined;
  };
  /**
   * The same for a client that does not take what it is sent: `limit` is
   * `sendBufferSizeLimit`, `sendTimeLimit`, or SockJS's `httpMessageCacheSize`.
   */
  slowConsumer: {
    limit: string;
    address: string;
    sessionId: string | undefined;
    user: Principal | undefined;
  };
  /** A handshake was refused, for any reason: Spring logs some of them. */
  handshakeRefused: HandshakeRefusal & { readonly address: string };
  /**
   * With the option `presence`: the first session of a user, over all servers, is there. Every server tells it; `server`
   * is the id of the one that has the session, `undefined` if it is this one.
   */
  userOnline: { user: Principal; server: string | undefined };
  /** The last session of a user is gone, and none has come back within `goneAfter`. `server` had it. */
  userOffline: { user: Principal; server: string | undefined };
  /** The same as `userOnline` of one of `presence.destinations`: a user subscribes to it, shown there or not. */
  present: { user: Principal; destination: string; server: string | undefined };
  /** The same as `userOffline` of one of `presence.destinations`. */
  absent: { user: Principal; destination: string; server: string | undefined };
  /** The broker can be reached, or not any more: as Spring's `BrokerAvailabilityEvent`. */
  brokerAvailability: { isAvailable: boolean };
  /**
   * Publications of other servers may be missing on this one, and cannot be had any more: of `simpleBroker` with a
   * `backplane`. `since` is the position up to which all was heard, empty where the backplane has no log. They are
   *
   * - `lost`: on a backplane that does not remember, or whose log does not answer
   * - `trimmed`: no longer in its log
   * - `epoch`: in a log that is not there any more: the store was emptied, or is an older copy
   */
  messagesLost: { since: string; reason: "lost" | "trimmed" | "epoch" };
  /** A session ended for a fault. Its client was sent ERROR, unless it did not read what waited for it. */
  sessionError: { sessionId: string; user: Principal | undefined; error: Error };
  /**
   * A rule, or `@Authorize` of a controller's method, denied what a client sent;
   * or a subscription, when it was judged anew. `rule` says which.
   */
  accessDenied: { sessionId: string; user: Principal | undefined; message: Message; rule: string };
  /**
   * The simple broker lost a message: a queue's whose backlog is full, or that was given back too often; or a
   * topic's for a session that does not acknowledge what it has, while its `prefetch-count` is used up; or one
   * that `retainLast` kept, since `retainedLimit` or `retainedSizeLimit` was reached; or one that waited to be conflated,
   * was due while the backplane was away, and so has no `messageId`.
   */
  messageDropped: {
    reason: "backlog" | "attempts" | "prefetch" | "retained" | "backplane";
    destination: string;
    messageId: string;
    sessionId: string | undefined;
  };
  /**
   * The simple broker answered a SUBSCRIBE that asks by `since` for what was missed: `recovered` if that was all there,
   * with so many messages `replayed`. Else the client has to load anew, since
   *
   * - `epoch`: its position is of another broker, as of before a restart, or cannot be read
   * - `trimmed`: some of it is kept no longer
   * - `limit`: it is more than `replayLimit`
   * - `none`: not all that the subscription hears is kept
   *
   * Told again, as not recovered, when a client reads so slowly that the rest of its replay is not kept any more.
   */
  recovered: {
    sessionId: string;
    user: Principal | undefined;
    destination: string;
    recovered: boolean;
    replayed: number;
    reason: "epoch" | "trimmed" | "limit" | "none" | undefined;
  };
  /** A stream with `@Detached` has begun, by a SEND of that session; one that joins it is not told. */
  detachedStarted: { key: string; sessionId: string; user: Principal | undefined };
  /** Such a stream has ended; once for each that has begun. `error` is `undefined` if all was sent. */
  detachedEnded: {
    key: string;
    sessionId: string;
    user: Principal | undefined;
    how: DetachedEnd;
    error: unknown;
  };
  /**
   * A person has done something by a tool of the staff, or was refused: `action` is `disconnect`, `unsubscribe`, `send`
   * or `tap` of `express-stomp/inspector`, `target` what it was done to.
   */
  inspected: {
    action: string;
    by: string | undefined;
    target: Readonly<Record<string, string>>;
    reason: string | undefined;
    outcome: "done" | "refused" | "failed";
  };
}

/** The names of all events. The compiler holds it to be whole. */
export const MESSAGING_EVENTS = Object.keys({
  connect: true,
  connected: true,
  subscribe: true,
  subscribed: true,
  unsubscribe: true,
  disconnect: true,
  expiring: true,
  unhandled: true,
  controllerResult: true,
  controllerError: true,
  channelError: true,
  sendFailed: true,
  limitExceeded: true,
  slowConsumer: true,
  handshakeRefused: true,
  userOnline: true,
  userOffline: true,
  present: true,
  absent: true,
  brokerAvailability: true,
  messagesLost: true,
  sessionError: true,
  accessDenied: true,
  messageDropped: true,
  recovered: true,
  detachedStarted: true,
  detachedEnded: true,
  inspected: true,
} satisfies Record<keyof MessagingEvents, true>) as readonly (keyof MessagingEvents)[];

/** Hears of one kind of event. Its throws and its promise's rejections are logged. */
export type MessagingEventListener<E extends keyof MessagingEvents> = (
  event: MessagingEvents[E],
) => void | Promise<void>;

/** Tells listeners of events. One that throws or rejects is logged and harms nobody. */
export class EventPublisher {
  readonly #listeners = new Map<keyof MessagingEvents, Set<MessagingEventListener<never>>>();
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /**
   * Adds a listener; the returned function removes it.
   *
   * @throws ConfigurationError when there is no such event, or the listener is no function
   */
  on<E extends keyof MessagingEvents>(name: E, listener: MessagingEventListener<E>): () => void {
    if (!MESSAGING_EVENTS.includes(name)) {
      throw new ConfigurationError(
        `There is no event ${inspect(name)}; there are ${MESSAGING_EVENTS.join(", ")}`,
      );
    }
    if (typeof listener !== "function") {
      throw new ConfigurationError(`on("${name}") takes a function that hears of it, not ${typeof listener}`);
    }
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  publish<E extends keyof MessagingEvents>(name: E, event: MessagingEvents[E]): void {
    const listeners = this.#listeners.get(name);
    if (!listeners?.size) return;
    for (const listener of [...listeners] as MessagingEventListener<E>[]) {
      try {
        // A listener in JavaScript may return anything.
        const result: unknown = listener(event);
        if (result !== undefined)
          Promise.resolve(result).catch((error: unknown) => this.#failed(name, error));
      } catch (error) {
        this.#failed(name, error);
      }
    }
  }

  #failed(name: string, error: unknown): void {
    this.#logger.error(`a listener of ${name} failed`, error);
  }
}
