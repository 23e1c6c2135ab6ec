import type { Server } from "node:http";
import type { RequestHandler } from "express";
import type { BrokerSystem } from "./broker/broker-system.js";
import type { HistoryPage, HistoryQuery } from "./broker/history/history-page.js";
import type { SubscribableChannel } from "./channel/channel.js";
import type { SimpMessagingTemplate } from "./channel/messaging-template.js";
import type { MessagingDescription } from "./description.js";
import type { MessagingEventListener, MessagingEvents } from "./events.js";
import type { MessagingHealth } from "./observe/health.js";
import type { Inspection } from "./observe/inspection.js";
import type { MessagingStats } from "./observe/stats.js";
import type { ListenOptions, StompTcpServer } from "./socket/tcp-server.js";
import type { Presence } from "./user/presence/presence.js";
import type { SimpSubscription, SimpUserRegistry } from "./user/simp-user-registry.js";

/** The middleware, and the application's handle on everything behind it. */
export interface StompMessaging extends RequestHandler {
  /**
   * Lets WebSocket handshakes of this server run through the application's own
   * middleware. Needed once for each server; SockJS over HTTP works without.
   *
   * @example
   * ```ts
   * app.use(messaging);
   * messaging.attach(app.listen(8080));
   * ```
   *
   * @throws ConfigurationError when it is no server: it takes what `app.listen(…)` returns, and not the application
   */
  attach(server: Server): void;
  /**
   * Listens for clients without WebSocket: STOMP straight over TCP, or over TLS with `tls`, at this process's own
   * address unless `host` names another. Each client becomes a session as all others do, with the same limits, rules
   * and interceptors; but no HTTP request comes before it, so neither the application's middleware nor
   * `allowedOrigins` nor handshake interceptors decide about it: CONNECT's headers or a client certificate tell who it is.
   *
   * @throws ConfigurationError (rejects with it) when an option makes no sense, or messaging was closed; what node's
   *   `listen` and `tls` throw
   * @example
   * ```ts
   * const { address } = await messaging.listen({ port: 61613 });
   * console.log(`STOMP over TCP at ${address.address}:${address.port}`);
   * ```
   */
  listen(options: ListenOptions): Promise<StompTcpServer>;
  /**
   * Refuses new clients with 503 and reads no more from the others. Frames that
   * they had sent are handled and answered, for `drainMs` at most, while all
   * sessions stay and hear of it, and messages that wait for interceptors are sent on; then all
   * sessions are closed with 1001, and every timer ends. Clients that do not
   * answer the closing are cut 5 s later. A second call with less time shortens
   * that of the first.
   *
   * With `spreadMs` all this comes last: until then sessions leave one after the
   * other, each when what it has sent was handled, and the others go on as they did.
   *
   * @example
   * ```ts
   * process.once("SIGTERM", async () => {
   *   await messaging.close({ drainMs: 10_000 });
   *   server.close();
   * });
   * ```
   *
   * @throws ConfigurationError when an option is no time, or is not known
   */
  close(options?: CloseOptions): Promise<void>;
  /**
   * Tells what clients may send and hear: endpoints, the methods of controllers with their destinations, payloads and
   * replies, the contract, and the rules. Documents and pages about the application are made of it.
   *
   * @example
   * ```ts
   * for (const { name, mappings } of messaging.description.methods) {
   *   console.log(name, mappings.map(({ destination }) => destination));
   * }
   * ```
   */
  readonly description: MessagingDescription;
  /** Sends to subscribers from anywhere. */
  readonly template: SimpMessagingTemplate;
  /** Tells who is connected. */
  readonly userRegistry: SimpUserRegistry;
  /** Tells who is at a destination, with the option `presence`. */
  readonly presence: Presence;
  readonly clientInboundChannel: SubscribableChannel;
  readonly clientOutboundChannel: SubscribableChannel;
  readonly brokerChannel: SubscribableChannel;
  /**
   * Ends a session, or all sessions of a user, with an ERROR that says why; with
   * `userDestinationBroadcast` on other servers too, as soon as they hear of it.
   *
   * @param reason what the client reads
   * @returns how many sessions were ended on this server
   * @example
   * ```ts
   * messaging.disconnect({ user: "rod" }, "You have signed out");
   * ```
   */
  disconnect(target: { user: string } | { sessionId: string }, reason?: string): number;
  /**
   * Ends a subscription that `userRegistry` found, as if its client had sent
   * UNSUBSCRIBE; the session lives. With a reason the client gets a last, empty
   * MESSAGE on it, whose header `unsubscribed` says why.
   *
   * From the call on nothing of it is delivered, if its session is here; a
   * broker elsewhere is not waited for.
   *
   * @returns `false` when it was over already; resolves when the client's socket was given the last MESSAGE
   * @throws MessageDeliveryError when it is on a server that cannot be told
   * @example
   * ```ts
   * const [first] = messaging.userRegistry.findSubscriptions(({ destination }) => destination === "/topic/secret");
   * if (first) await messaging.unsubscribe(first, "You have left the room");
   * ```
   */
  unsubscribe(subscription: SimpSubscription, reason?: string): Promise<boolean>;
  /**
   * Judges subscriptions anew by the rules of `security`, and by what their
   * users are now; those that are denied end as by `unsubscribe`. A subscription
   * that is being made meanwhile is judged by the new rights, or ended as soon
   * as it was made. Strangers have no rights to lose: their subscriptions stay.
   * With `userDestinationBroadcast` other servers do the same, as soon as they
   * hear of it.
   *
   * @param target whose; by default everybody's
   * @param reason what the client reads; by default what was denied
   * @returns how many were ended on this server; each gets nothing any more from its denial on, and the promise
   *   resolves when the last client was told
   * @throws whatever kept a client from being told, when all have been judged; or other servers
   * @example
   * ```ts
   * await removeRole("rod", "EDITOR");
   * await messaging.recheck({ user: "rod" });
   * ```
   */
  recheck(target?: { user: string } | { sessionId: string }, reason?: string): Promise<number>;
  /**
   * Gives what the simple broker's `history` has of a destination, of a pattern of them, or of a user's own
   * (`/user/<name>/queue/letters`, as `userDestination` writes a name). A page that loads its state first misses nothing
   * if it asks for the position, then reads its database, then subscribes with `since:` that position.
   *
   * @throws ConfigurationError (rejects with it) when an option of the query makes no sense
   * @throws MessageDeliveryError (rejects with it) when no messages of it are kept, the broker is elsewhere, or a pattern
   *   that searches destinations (`/topic/*a*`) would have to look at more than 128 Ki characters of them
   * @example
   * ```ts
   * const { position, messages } = await messaging.history("/topic/room/7", { limit: 20, reverse: true });
   * console.log(`${messages.length} are kept; subscribe with since:${position}`);
   * ```
   */
  history(destination: string, query?: HistoryQuery): Promise<HistoryPage>;
  /**
   * Ends the stream that a method with `@Detached` has begun under this key, on this server: its signal is aborted, and
   * its last message is `stream:error` with the reason. One whose method has not returned yet ends when it has.
   *
   * @param reason what clients read
   * @returns `false` when no stream of that key runs
   * @example
   * ```ts
   * messaging.abort("answer 7", "You have asked to stop");
   * ```
   */
  abort(key: string, reason?: string): boolean;
  /** Lets the application itself subscribe at a broker that runs elsewhere; `undefined` with the simple broker. */
  readonly system: BrokerSystem | undefined;
  /** Whether the broker can be reached; changes are announced as `brokerAvailability`. */
  isBrokerAvailable(): boolean;
  /**
   * Tells whether new clients are welcome, and why not. `readiness(messaging)` answers a probe with it.
   *
   * @example
   * ```ts
   * const { status, since } = messaging.health();
   * ```
   */
  health(): MessagingHealth;
  /** Connects to a broker that was told not to start by itself (`autoStartup: false`). */
  start(): void;
  /** The state of this moment, for tools of those who run the server: sessions, subscriptions, queues, mappings, rules, frames. */
  readonly inspection: Inspection;
  /** Counts since the start, and how many are connected now. */
  stats(): MessagingStats;
  /**
   * Adds a listener; the returned function removes it.
   *
   * @example
   * ```ts
   * messaging.on("disconnect", ({ sessionId, user, code }) => console.log(sessionId, user?.name, code));
   * const remove = messaging.on("slowConsumer", ({ limit, address }) => console.warn(limit, address));
   * remove();
   * ```
   */
  on<E extends keyof MessagingEvents>(name: E, listener: MessagingEventListener<E>): () => void;
}

/** Options of `close`. */
export interface CloseOptions {
  /** How long frames that were received may take to be handled, in ms. @default 5000 */
  readonly drainMs?: number;
  /**
   * Over how long the closes are spread, in ms, before `drainMs` begins: as many sessions leave in each moment as in
   * any other, so that they do not all come to another server at once. @default 0: all are closed together
   */
  readonly spreadMs?: number;
  /**
   * When clients are asked to come back, in ms from their closing: the close reason is then
   * `Server is shutting down; reconnect-in=<ms>`. @default nothing is said
   */
  readonly reconnectInMs?: number;
}
