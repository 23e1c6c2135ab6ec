import type { MessageHandler } from "../../channel/message-handler.js";
import type { Logger } from "../../logger.js";
import { createMessage, type Message, withHeaders } from "../../message/message.js";
import { NativeHeaders } from "../../message/native-headers.js";
import { saying } from "../../message/reserved-headers.js";
import { isPromise } from "../../promise.js";
import type { Room, Telling, Watcher } from "./room.js";

interface Watch extends Watcher {
  readonly room: Room;
}

export interface WatchersOptions {
  /** Has the subscriptions of watchers as private ones of their sessions, so they cost and end as all others. */
  readonly broker: MessageHandler & { readonly takesForSubscriptions?: boolean };
  readonly sessions: {
    /** A promise to wait for before a session is sent a state; `undefined` if it has room. */
    room(sessionId: string): Promise<void> | undefined;
    /** Hands on what comes for many sessions; gives what to wait for before they are told more. */
    feed(deliver: () => void): Promise<void> | undefined;
  };
  readonly logger: Logger;
  /** The destination at which the presence of a room is told. */
  destinationOf(room: Room): string;
  /** Hears that a room may have become idle. */
  unwatched(room: Room): void;
}

/** Those who watch rooms: each subscription is given a state, and from then on what changes. */
export class Watchers {
  readonly #options: WatchersOptions;
  /** The subscriptions of each session, by their ids. */
  readonly #sessions = new Map<string, Map<string, Watch>>();

  constructor(options: WatchersOptions) {
    this.#options = options;
  }

  /**
   * Begins a subscription.
   *
   * @param ready is called when the state is to be given: at once, or when the session has room
   */
  add(sessionId: string, id: string, room: Room, ready: () => void): void {
    const watches = this.#sessions.get(sessionId) ?? new Map<string, Watch>();
    const watch = { sessionId, id, room };
    this.#sessions.set(sessionId, watches.set(id, watch));
    room.watching++;
    this.#give(watch, ready);
  }

  /** Ends a subscription, if there is one of that id. */
  remove(sessionId: string, id: string): void {
    const watches = this.#sessions.get(sessionId);
    const watch = watches?.get(id);
    if (!watches || !watch) return;

    watches.delete(id);
    if (watches.size === 0) this.#sessions.delete(sessionId);
    this.#leave(watch);
  }

  /** Ends all of a session. */
  sessionEnded(sessionId: string): void {
    const watches = this.#sessions.get(sessionId);
    this.#sessions.delete(sessionId);
    for (const watch of watches?.values() ?? []) this.#leave(watch);
  }

  /** Tells all who have a state. @param goOn is called when those who are behind are not any more */
  tell(room: Room, telling: Telling, goOn: () => void): void {
    if (room.watchers.size === 0) return;
    const behind = this.#options.sessions.feed(() => this.#send(room, telling, [...room.watchers]));
    if (!behind) return;
    room.isHeld = true;
    void behind.then(() => {
      room.isHeld = false;
      goOn();
    });
  }

  #give(watch: Watch, ready: () => void): void {
    const { sessionId, id, room } = watch;
    if (this.#sessions.get(sessionId)?.get(id) !== watch) return;
    const wait = this.#options.sessions.room(sessionId);
    if (wait) {
      void wait.then(() => this.#give(watch, ready));
      return;
    }
    ready();
    room.watchers.add(watch);
    this.#send(room, room.state, [watch]);
  }

  #leave(watch: Watch): void {
    const { room } = watch;
    room.watching--;
    room.watchers.delete(watch);
    this.#options.unwatched(room);
  }

  #send(room: Room, { kind, version, payload }: Telling, to: readonly Watcher[]): void {
    const { broker, destinationOf } = this.#options;
    const native = saying(NativeHeaders.EMPTY, { presence: kind, "presence-version": String(version) });
    const message = createMessage(payload, {
      destination: destinationOf(room),
      contentType: "application/json",
      native,
    });
    if (broker.takesForSubscriptions) this.#hand(withHeaders(message, { forSubscriptions: to }));
    else for (const privateTo of sessionsOf(to)) this.#hand(withHeaders(message, { privateTo }));
  }

  /** A watcher that cannot be told is told by its session's end. */
  #hand(message: Message): void {
    const { broker, logger } = this.#options;
    const failed = (error: unknown) =>
      logger.error(`Presence could not be sent to ${message.headers.destination}`, error);
    try {
      const handled = broker.handle(message);
      if (isPromise(handled)) handled.catch(failed);
    } catch (error) {
      failed(error);
    }
  }
}

function sessionsOf(watchers: readonly Watcher[]): Set<string> {
  return new Set(watchers.map(({ sessionId }) => sessionId));
}
