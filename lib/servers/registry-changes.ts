import type { SimpSession, SimpSubscription } from "../user/simp-user-registry.js";
import type { StrangersChange } from "../user/strangers.js";
import { isHiddenAt, type SessionsListener, type UserSessions } from "../user/user-sessions.js";
import { entriesOf, type RegistryEntry } from "./registry-parts.js";

/** The changes of one session. */
interface Changed {
  /** It is new: all it has is to be told. */
  came: boolean;
  /** It has ended, and will not come back. */
  isMeant: boolean;
  /** Presence tells something else of it. */
  isDescribed: boolean;
  /** Destinations at which presence is silent of it, or is not any more. */
  hidden: Set<string> | undefined;
  /** Ids of subscriptions that came or went. */
  readonly subscriptions: Set<string>;
}

/**
 * Which of this server's sessions changed, and what of them. Only that is
 * kept: what is told is how things are by then, and something that came and
 * went meanwhile is told once.
 */
export class RegistryChanges implements SessionsListener {
  readonly #sessions: UserSessions;
  readonly #noted: () => void;
  #changed = new Map<string, Changed>();
  /** Destinations that strangers began or ceased to subscribe to. */
  #strangers = new Set<string>();

  /** @param noted hears of each change */
  constructor(sessions: UserSessions, noted: () => void) {
    this.#sessions = sessions;
    this.#noted = noted;
  }

  came(session: SimpSession): void {
    this.#note(session, (changed) => {
      changed.came = true;
    });
  }

  left(session: SimpSession, isMeant: boolean): void {
    this.#note(session, (changed) => {
      changed.isMeant = isMeant;
    });
  }

  described(session: SimpSession): void {
    this.#note(session, (changed) => {
      changed.isDescribed = true;
    });
  }

  hidden(session: SimpSession, destination: string): void {
    this.#note(session, (changed) => {
      changed.hidden = (changed.hidden ?? new Set()).add(destination);
    });
  }

  strangers({ destination, server }: StrangersChange): void {
    if (server !== undefined) return;
    this.#strangers.add(destination);
    this.#noted();
  }

  subscribed({ session, id }: SimpSubscription): void {
    this.#note(session, ({ subscriptions }) => subscriptions.add(id));
  }

  unsubscribed({ session, id }: SimpSubscription): void {
    this.#note(session, ({ subscriptions }) => subscriptions.add(id));
  }

  /** Gives what there is to tell, and begins anew. */
  take(): Iterable<RegistryEntry> {
    const changed = this.#changed;
    const strangers = this.#strangers;
    this.#changed = new Map();
    this.#strangers = new Set();
    return this.#entries(changed, strangers);
  }

  get isEmpty(): boolean {
    return this.#changed.size === 0 && this.#strangers.size === 0;
  }

  #note(session: SimpSession, note: (changed: Changed) => void): void {
    if (session.server !== undefined) return;
    const changed = this.#changed.get(session.id) ?? {
      came: false,
      isMeant: false,
      isDescribed: false,
      hidden: undefined,
      subscriptions: new Set(),
    };
    this.#changed.set(session.id, changed);
    note(changed);
    this.#noted();
  }

  *#entries(all: ReadonlyMap<string, Changed>, strangers: ReadonlySet<string>): Generator<RegistryEntry> {
    for (const [id, { came, isMeant, isDescribed, hidden, subscriptions }] of all) {
      const session = this.#sessions.get(id);
      if (!session) {
        if (!came) yield isMeant ? ["ended", id, true] : ["ended", id];
      } else if (came) {
        yield* entriesOf([session]);
      } else {
        if (isDescribed) yield ["info", id, session.info ?? null];
        for (const destination of hidden ?? [])
          yield ["hidden", id, destination, isHiddenAt(session, destination)];
        for (const subscription of subscriptions) yield changeOf(session, subscription);
      }
    }
    const { here } = this.#sessions.strangers;
    for (const destination of strangers) yield ["strangers", destination, here.get(destination) ?? 0];
  }
}

function changeOf({ id, subscriptions }: SimpSession, subscription: string): RegistryEntry {
  const now = subscriptions.get(subscription);
  return now ? ["subscription", id, subscription, now.destination] : ["unsubscribed", id, subscription];
}
