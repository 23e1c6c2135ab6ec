import type { SimpSession, SimpSubscription } from "../user/simp-user-registry.js";
import type { SessionsListener, UserSessions } from "../user/user-sessions.js";
import { entriesOf, type RegistryEntry } from "./registry-parts.js";

/** The changes of one session. */
interface Changed {
  /** It is new: all it has is to be told. */
  came: boolean;
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

  left(session: SimpSession): void {
    this.#note(session, () => {});
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
    this.#changed = new Map();
    return this.#entries(changed);
  }

  get isEmpty(): boolean {
    return this.#changed.size === 0;
  }

  #note(session: SimpSession, note: (changed: Changed) => void): void {
    if (session.server !== undefined) return;
    const changed = this.#changed.get(session.id) ?? { came: false, subscriptions: new Set() };
    this.#changed.set(session.id, changed);
    note(changed);
    this.#noted();
  }

  *#entries(all: ReadonlyMap<string, Changed>): Generator<RegistryEntry> {
    for (const [id, { came, subscriptions }] of all) {
      const session = this.#sessions.get(id);
      if (!session) {
        if (!came) yield ["ended", id];
      } else if (came) {
        yield* entriesOf([session]);
      } else {
        for (const subscription of subscriptions) yield changeOf(session, subscription);
      }
    }
  }
}

function changeOf({ id, subscriptions }: SimpSession, subscription: string): RegistryEntry {
  const now = subscriptions.get(subscription);
  return now ? ["subscription", id, subscription, now.destination] : ["unsubscribed", id, subscription];
}
