import type { MessagingEventListener, MessagingEvents } from "../events.js";
import type { Message } from "../message/message.js";
import type { MessagingStats } from "./stats.js";

/** A message that a controller's method is called for. */
export interface HandlerCall {
  readonly message: Message;
  /** The client's command: `MESSAGE` for SEND. */
  readonly type: "MESSAGE" | "SUBSCRIBE";
  /** The pattern of the mapping, with the application's prefix: `/app/room/{id}`. There are as many as the code has. */
  readonly pattern: string;
  /** The method as `Class.method`. */
  readonly method: string;
  /** The error that the method has thrown, once it has; also where an exception handler took it, and nothing is thrown on. */
  readonly error: unknown;
}

/** A message that the application sends: by a template, as a controller's reply, or into `brokerChannel`. */
export interface SendCall {
  readonly message: Message;
  /** Its destination as subscribers write it: that of a user's own is `/user/queue/x`, without the name. */
  readonly destination: string;
}

/** The messaging whose numbers are read. */
export interface ObservedMessaging {
  stats(): MessagingStats;
  on<E extends keyof MessagingEvents>(name: E, listener: MessagingEventListener<E>): () => void;
}

/**
 * Watches from around what interceptors see from beside: for metrics and traces. `express-stomp/opentelemetry` and
 * `express-stomp/prometheus` make one each.
 *
 * `run` is called once, at once, and never again; messaging goes on with what it gives, whatever becomes of the
 * observation: one that throws is logged and changes nothing.
 *
 * @example
 * ```ts
 * const timing: Observation = {
 *   handle({ pattern }, run) {
 *     const begin = performance.now();
 *     const end = () => console.log(pattern, performance.now() - begin);
 *     void Promise.resolve(run()).then(end, end);
 *   },
 * };
 * ```
 */
export interface Observation {
  /**
   * Stands around the call of a controller's method: its rules, arguments, the method, its reply and its exception handlers are inside.
   * A stream of replies is handled when it has begun.
   *
   * @param run gives a promise if the call is asynchronous; throws or rejects with an error that no exception handler took
   */
  handle?(call: HandlerCall, run: () => void | Promise<void>): unknown;
  /**
   * Stands around the sending of a message, until the broker has taken it.
   *
   * @param run sends the message that it is given, which may have other headers than the one of the call; gives `false`,
   *   or a promise of it, when an interceptor stopped it
   */
  send?(call: SendCall, run: (message: Message) => boolean | Promise<boolean>): unknown;
  /** Is called once, when messaging is made; the function that it returns is called when messaging has closed. */
  start?(messaging: ObservedMessaging): (() => void) | void;
}

/** The parts of an observation; it must have one of them. */
export const OBSERVATION_PARTS = [
  "handle",
  "send",
  "start",
] as const satisfies readonly (keyof Observation)[];
