/** Strangers who began or ceased to subscribe to a destination. */
export interface StrangersChange {
  readonly destination: string;
  /** How many more there are; below 0 how many fewer. */
  readonly by: number;
  /** Whether those who ceased have said so; of other servers that is not known. */
  readonly isMeant: boolean;
  /** The id of the server where they are, if that is another one. */
  readonly server: string | undefined;
}

type Counts = Map<string, number>;

/** The sessions without a user: they are in no registry, and only how many of them subscribe where is counted. */
export class Strangers {
  /** The counted destinations that each subscribes to, by the subscription's id. */
  readonly #sessions = new Map<string, Map<string, string> | undefined>();
  readonly #here: Counts = new Map();
  readonly #elsewhere = new Map<string, Counts>();
  readonly #changed: (change: StrangersChange) => void;
  #isCounted: (destination: string) => boolean = () => false;

  constructor(changed: (change: StrangersChange) => void) {
    this.#changed = changed;
  }

  /** Counts from now on who subscribes to such destinations. */
  count(isCounted: (destination: string) => boolean): void {
    this.#isCounted = isCounted;
  }

  has(sessionId: string): boolean {
    return this.#sessions.has(sessionId);
  }

  add(sessionId: string): void {
    this.#sessions.set(sessionId, undefined);
  }

  /** Gives whether it was there. */
  remove(sessionId: string, isMeant: boolean): boolean {
    const subscriptions = this.#sessions.get(sessionId);
    if (!this.#sessions.delete(sessionId)) return false;
    for (const destination of new Set(subscriptions?.values())) this.#change(destination, -1, isMeant);
    return true;
  }

  subscribed(sessionId: string, id: string, destination: string): void {
    if (!this.#sessions.has(sessionId) || !this.#isCounted(destination)) return;

    const subscriptions = this.#sessions.get(sessionId) ?? new Map<string, string>();
    if (subscriptions.has(id)) return;
    const isFirst = !has(subscriptions, destination);
    this.#sessions.set(sessionId, subscriptions.set(id, destination));
    if (isFirst) this.#change(destination, 1, true);
  }

  unsubscribed(sessionId: string, id: string): void {
    const subscriptions = this.#sessions.get(sessionId);
    const destination = subscriptions?.get(id);
    if (!subscriptions || destination === undefined) return;

    subscriptions.delete(id);
    if (!has(subscriptions, destination)) this.#change(destination, -1, true);
  }

  /** How many of them, on this server, subscribe to each destination: live. */
  get here(): ReadonlyMap<string, number> {
    return this.#here;
  }

  /** The destinations that strangers of another server subscribe to. */
  at(server: string): Iterable<string> {
    return [...(this.#elsewhere.get(server)?.keys() ?? [])];
  }

  /** Notes what another server has told. */
  told(server: string, destination: string, count: number): void {
    const counts = this.#elsewhere.get(server) ?? new Map<string, number>();
    const by = count - (counts.get(destination) ?? 0);
    if (by === 0) return;

    this.#elsewhere.set(server, counts);
    note(counts, destination, count);
    if (counts.size === 0) this.#elsewhere.delete(server);
    this.#changed({ destination, by, isMeant: false, server });
  }

  #change(destination: string, by: 1 | -1, isMeant: boolean): void {
    note(this.#here, destination, (this.#here.get(destination) ?? 0) + by);
    this.#changed({ destination, by, isMeant, server: undefined });
  }
}

function note(counts: Counts, destination: string, count: number): void {
  if (count > 0) counts.set(destination, count);
  else counts.delete(destination);
}

function has(subscriptions: ReadonlyMap<string, string>, destination: string): boolean {
  for (const each of subscriptions.values()) if (each === destination) return true;
  return false;
}
