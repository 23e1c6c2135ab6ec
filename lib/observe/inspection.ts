import type { Principal } from "../message/message.js";
import type { TapListener } from "./frame-taps.js";
import type {
  AccessExplanation,
  InspectionAct,
  KeptView,
  QueueView,
  SessionView,
  SubscriptionView,
  TapTarget,
} from "./views.js";

/**
 * The state of this server at this moment, for tools of those who run it: `messaging.inspection`. Nothing runs
 * while nobody asks. Each iterable is read as far as it is asked for, and may be read over several turns of the event
 * loop while sessions come and go: with many thousands, give way between.
 *
 * `express-stomp/inspector` is such a tool. Everything here is of this server alone; the `userRegistry` has the names
 * of users on others.
 */
export interface Inspection {
  /** All connections, strangers' too, oldest first. */
  sessions(): Iterable<SessionView>;
  /** One of them; `undefined` when it is not here. */
  session(sessionId: string): SessionView | undefined;
  /**
   * The subscriptions that the broker delivers to, strangers' too.
   *
   * @param sessionId whose; by default all
   */
  subscriptions(sessionId?: string): Iterable<SubscriptionView>;
  /** The simple broker's queues in which something waits; a broker elsewhere has its own tools. */
  queues(): Iterable<QueueView>;
  /** How much the simple broker keeps of each destination. */
  kept(): Iterable<KeptView>;
  /** The sessions that a message to a destination is delivered to now; `undefined` if the broker cannot tell. */
  receivers(destination: string): Iterable<string> | undefined;
  /**
   * Says whether a user, or a stranger, may SEND or SUBSCRIBE, and which rule decides. It is asked as a message would be,
   * by the same rules; nothing is sent, and no event tells of it.
   *
   * @throws whatever the application's own functions do not: a rule that fails denies
   * @example
   * ```ts
   * const { granted, rule } = await messaging.inspection.explain({ name: "rod" }, "SUBSCRIBE", "/topic/staff");
   * ```
   */
  explain(
    user: Principal | undefined,
    command: "SEND" | "SUBSCRIBE",
    destination: string,
  ): Promise<AccessExplanation>;
  /**
   * Lets frames be seen as they pass: all of one session; or what clients and the application send to a destination, or
   * to all that a pattern fits, and what is delivered of it here, once for all who get it.
   * Credentials in headers are masked; bodies are there as they are.
   *
   * @returns a function that ends it
   * @throws DestinationPatternError when the destination is none
   * @example
   * ```ts
   * const end = messaging.inspection.tap({ destination: "/topic/**" }, ({ command, destination }) => {
   *   console.log(command, destination);
   * });
   * setTimeout(end, 10_000);
   * ```
   */
  tap(target: TapTarget, listener: TapListener): () => void;
  /** Announces what a person has done by a tool, as `inspected`, and writes it to the log. */
  acted(act: InspectionAct): void;
}
