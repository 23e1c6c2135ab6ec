import { DestinationIndex } from "../destination/destination-index.js";
import type { DestinationPattern, DestinationSeparator } from "../destination/pattern.js";
import type { AckWindow } from "./ack-window.js";
import type { Selector } from "./selector/selector.js";
import { Unread } from "./unread.js";

/** What a SUBSCRIBE says. */
export interface SubscriptionOptions {
  readonly sessionId: string;
  readonly id: string;
  readonly pattern: DestinationPattern;
  readonly isPrivate?: boolean;
  readonly window?: AckWindow | undefined;
  readonly selector?: Selector | undefined;
}

/** Who wants which destinations. */
export class Subscription {
  readonly sessionId: string;
  /** Unique within its session only. */
  readonly id: string;
  readonly pattern: DestinationPattern;
  /** Whether it hears what is private to its session, and nothing else. */
  readonly isPrivate: boolean;
  /** What it has not acknowledged; in ack mode `auto` there is none. */
  readonly window: AckWindow | undefined;
  /** Which messages it wants; without one, all. */
  readonly selector: Selector | undefined;
  /** It wants every message and acknowledges none: nothing to ask before a delivery. */
  readonly plain: boolean;
  /** When it was last given a message of a queue. */
  turn = 0;
  #unread: Unread | undefined;
  #removed = false;
  #gone = false;

  constructor({ sessionId, id, pattern, isPrivate = false, window, selector }: SubscriptionOptions) {
    this.sessionId = sessionId;
    this.id = id;
    this.pattern = pattern;
    this.isPrivate = isPrivate;
    this.window = window;
    this.selector = selector;
    this.plain = window === undefined && selector === undefined;
  }

  /** What waits for it in queues. */
  get unread(): Unread {
    this.#unread ??= new Unread();
    return this.#unread;
  }

  /** It has been removed, with its session or by itself: it is given nothing any more. */
  get removed(): boolean {
    return this.#removed;
  }

  /** The server has ended it: what it was given and has not left yet is not for its client any more, either. */
  get gone(): boolean {
    return this.#gone;
  }

  /** For the registry, which removes it. Else than by the server, what it was given before still goes to its client. */
  end(byServer: boolean): void {
    this.#removed = true;
    this.#gone = byServer;
    this.#unread?.clear();
  }
}

/** The subscriptions of the sessions that are there, found by their ids and by destination. */
export class SubscriptionRegistry {
  readonly #sessions = new Map<string, Map<string, Subscription>>();
  readonly #separator: DestinationSeparator;
  readonly #index: DestinationIndex<Subscription>;
  /** An index for each session that has private subscriptions: no pattern of another is even looked at. */
  readonly #private = new Map<string, DestinationIndex<Subscription>>();

  /** @param separator that of all subscriptions' patterns */
  constructor(separator: DestinationSeparator = "/") {
    this.#separator = separator;
    this.#index = new DestinationIndex(separator);
  }

  /** Lets a session subscribe from now on. */
  addSession(sessionId: string): void {
    if (!this.#sessions.has(sessionId)) this.#sessions.set(sessionId, new Map());
  }

  /** Removes all subscriptions of a session. */
  endSession(sessionId: string): void {
    const subscriptions = this.#sessions.get(sessionId);
    for (const subscription of subscriptions?.values() ?? []) {
      subscription.end(false);
      this.#indexOf(subscription).remove(subscription.pattern, subscription);
    }
    subscriptions?.clear();
    this.#private.delete(sessionId);
  }

  /** Removes a session with all its subscriptions. */
  removeSession(sessionId: string): void {
    this.endSession(sessionId);
    this.#sessions.delete(sessionId);
  }

  /** The subscriptions of a session by their ids; `undefined` when the session is not there. */
  ofSession(sessionId: string): ReadonlyMap<string, Subscription> | undefined {
    return this.#sessions.get(sessionId);
  }

  /** Adds a subscription: `false` when its session is not there, or has one of that id. */
  add(subscription: Subscription): boolean {
    const subscriptions = this.#sessions.get(subscription.sessionId);
    if (!subscriptions || subscriptions.has(subscription.id)) return false;

    subscriptions.set(subscription.id, subscription);
    this.#indexOf(subscription).add(subscription.pattern, subscription);
    return true;
  }

  /** Removes a subscription, which its client or the server has ended; nothing happens when it is not there. */
  remove(sessionId: string, id: string, byServer = false): void {
    const subscriptions = this.#sessions.get(sessionId);
    const subscription = subscriptions?.get(id);
    if (!subscription) return;

    subscription.end(byServer);
    subscriptions?.delete(id);
    this.#indexOf(subscription).remove(subscription.pattern, subscription);
  }

  /** Who listens to a destination, in groups. They are live: read them now. */
  listeners(destination: string): readonly ReadonlySet<Subscription>[] {
    return this.#index.match(destination);
  }

  /** Who of one session listens to a destination privately. */
  privateListeners(sessionId: string, destination: string): readonly ReadonlySet<Subscription>[] {
    return this.#private.get(sessionId)?.match(destination) ?? [];
  }

  clear(): void {
    this.#sessions.clear();
    this.#index.clear();
    this.#private.clear();
  }

  #indexOf({ isPrivate, sessionId }: Subscription): DestinationIndex<Subscription> {
    if (!isPrivate) return this.#index;

    const index = this.#private.get(sessionId) ?? new DestinationIndex<Subscription>(this.#separator);
    this.#private.set(sessionId, index);
    return index;
  }
}
