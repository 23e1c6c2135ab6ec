/** What a subscriber is, to the model. `/topic/*` and `/queue/*` are its only patterns. */
interface Subscriber {
  readonly session: string;
  readonly id: string;
  readonly destination: string;
  readonly ack: string;
  readonly prefetch: number;
  readonly color: string | undefined;
  turn: number;
  waiting: Letter[];
}

interface Letter {
  readonly order: number;
  readonly destination: string;
  readonly color: string;
  readonly body: string;
  readonly returns: number;
}

interface Entry {
  readonly delivery: number;
  readonly subscriber: Subscriber;
  readonly letter: Letter;
  taken: boolean;
}

type Action = () => { commit(): void; abort(): void };

export const LIMITS = { unacknowledgedLimit: 3, backlogLimit: 2, deliveryAttempts: 3 };

const isQueue = ({ destination }: Letter) => destination.startsWith("/queue");

/** The simple broker, as short as it can be said: lists, and a walk over all of them for everything. */
export class BrokerModel {
  readonly log: string[] = [];
  #subscribers: Subscriber[] = [];
  #entries: Entry[] = [];
  readonly #backlogs = new Map<string, Letter[]>();
  readonly #newest = new Map<string, Letter>();
  readonly #transactions = new Map<string, ReturnType<Action>[]>();
  readonly #forgetful = new Set<string>();
  #order = 0;
  #turn = 0;
  #deliveries = 0;

  subscribe(given: Omit<Subscriber, "turn" | "waiting">): void {
    if (this.#subscribers.some(({ session, id }) => session === given.session && id === given.id)) refuse();
    const subscriber = { ...given, turn: 0, waiting: [] };
    this.#subscribers.push(subscriber);
    for (const letter of this.#newest.values()) if (fits(subscriber, letter)) this.#offer(letter, subscriber);
    this.#feed(subscriber);
  }

  unsubscribe(session: string, id: string): void {
    this.#subscribers = this.#subscribers.filter((each) => each.session !== session || each.id !== id);
  }

  send(session: string, letter: Omit<Letter, "order" | "returns">, transaction?: string): void {
    const publish = () => this.#publish({ ...letter, order: ++this.#order, returns: 0 });
    this.#perform(session, transaction, () => ({ commit: publish, abort() {} }));
  }

  settle(session: string, delivery: number, acknowledged: boolean, transaction?: string): void {
    this.#perform(session, transaction, () => {
      const taken = this.#take(session, delivery);
      return {
        commit: () => this.#finish(taken, acknowledged),
        abort: () => {
          for (const entry of taken) entry.taken = false;
        },
      };
    });
  }

  transact(session: string, command: string, transaction: string): void {
    const key = `${session} ${transaction}`;
    const actions = this.#transactions.get(key);
    if ((actions === undefined) !== (command === "BEGIN")) refuse();
    if (command === "BEGIN") this.#transactions.set(key, []);
    else this.#transactions.delete(key);
    for (const action of actions ?? []) command === "COMMIT" ? action.commit() : action.abort();
  }

  disconnect(session: string): void {
    this.#subscribers = this.#subscribers.filter((each) => each.session !== session);
    for (const key of [...this.#transactions.keys()]) {
      if (key.startsWith(`${session} `)) this.#transactions.delete(key);
    }
    this.#forgetful.delete(session);
    const had = this.#entries.filter(({ subscriber }) => subscriber.session === session);
    this.#entries = this.#entries.filter((entry) => !had.includes(entry));
    for (const entry of had) this.#return(entry);
  }

  /** What a session has not acknowledged, by the number of the delivery. */
  unacknowledged(session: string): number[] {
    const mine = this.#entries.filter((entry) => entry.subscriber.session === session && !entry.taken);
    return mine.map(({ delivery }) => delivery);
  }

  isOpen(session: string, transaction: string): boolean {
    return this.#transactions.has(`${session} ${transaction}`);
  }

  #perform(session: string, transaction: string | undefined, action: Action): void {
    if (transaction === undefined) action().commit();
    else (this.#transactions.get(`${session} ${transaction}`) ?? refuse()).push(action());
  }

  #publish(letter: Letter): void {
    if (!isQueue(letter)) {
      if (letter.destination === "/topic/a") this.#newest.set(letter.destination, letter);
      for (const subscriber of this.#fitting(letter)) this.#offer(letter, subscriber);
      return;
    }
    const next = this.#next(letter);
    if (next) {
      this.#hand(letter, next);
      return;
    }
    const backlog = this.#backlogs.get(letter.destination) ?? [];
    while (backlog.length >= LIMITS.backlogLimit) this.#dropped(backlog.shift(), "backlog");
    this.#backlogs.set(letter.destination, [...backlog, letter]);
  }

  #offer(letter: Letter, subscriber: Subscriber): void {
    if (subscriber.ack === "auto" || this.#held(subscriber) < subscriber.prefetch) {
      this.#deliver(letter, subscriber);
      return;
    }
    subscriber.waiting.push(letter);
    if (subscriber.waiting.length > LIMITS.unacknowledgedLimit) {
      this.#dropped(subscriber.waiting.shift(), `prefetch ${subscriber.session}`);
    }
  }

  #hand(letter: Letter, subscriber: Subscriber): void {
    subscriber.turn = ++this.#turn;
    this.#deliver(letter, subscriber);
  }

  #deliver(letter: Letter, subscriber: Subscriber): void {
    const { session, id, ack } = subscriber;
    this.log.push(
      `${session} ${id} ${letter.destination} ${letter.body}${letter.returns > 0 ? " again" : ""}`,
    );
    const delivery = this.#deliveries++;
    if (ack === "auto") return;
    this.#entries.push({ delivery, subscriber, letter, taken: false });
    const others = this.#entries.filter(
      (each) => each.subscriber.session === session && !isQueue(each.letter),
    );
    if (isQueue(letter) || others.length <= LIMITS.unacknowledgedLimit) return;
    const oldest = others.find((each) => each.subscriber === subscriber && !each.taken);
    this.#entries = this.#entries.filter((entry) => entry !== oldest);
    this.#forgetful.add(session);
  }

  #take(session: string, delivery: number): Entry[] {
    const open = this.#entries.filter((each) => each.subscriber.session === session && !each.taken);
    const named = open.find((entry) => entry.delivery === delivery);
    if (!named) return this.#forgetful.has(session) ? [] : refuse();
    const cumulative = named.subscriber.ack === "client";
    const taken = open.filter(
      (each) =>
        each === named || (cumulative && each.subscriber === named.subscriber && each.delivery < delivery),
    );
    for (const entry of taken) entry.taken = true;
    return taken;
  }

  #finish(taken: readonly Entry[], acknowledged: boolean): void {
    if (!taken[0]) return;
    const { subscriber } = taken[0];
    const wasFull = this.#isFull(subscriber.session);
    this.#entries = this.#entries.filter((entry) => !taken.includes(entry));
    if (!acknowledged) for (const entry of taken) this.#return(entry);
    for (const each of wasFull
      ? this.#subscribers.filter((s) => s.session === subscriber.session)
      : [subscriber]) {
      this.#refill(each);
    }
  }

  #return({ letter, subscriber }: Entry): void {
    if (!isQueue(letter)) return;
    const again = { ...letter, returns: letter.returns + 1 };
    if (again.returns === LIMITS.deliveryAttempts) {
      if (letter.destination === "/queue/dead") this.#dropped(letter, "attempts");
      else this.#publish({ ...letter, destination: "/queue/dead", returns: 0, order: ++this.#order });
      return;
    }
    const next = this.#next(again, subscriber) ?? this.#next(again);
    if (next) {
      this.#hand(again, next);
      return;
    }
    const backlog = [...(this.#backlogs.get(letter.destination) ?? []), again];
    this.#backlogs.set(
      letter.destination,
      backlog.sort((a, b) => a.order - b.order),
    );
  }

  #refill(subscriber: Subscriber): void {
    if (!this.#subscribers.includes(subscriber)) return;
    while (subscriber.waiting.length > 0 && this.#held(subscriber) < subscriber.prefetch) {
      this.#deliver(subscriber.waiting.shift() as Letter, subscriber);
    }
    this.#feed(subscriber);
  }

  #feed(subscriber: Subscriber): void {
    for (const [destination, backlog] of [...this.#backlogs]) {
      for (const letter of backlog) {
        if (!fits(subscriber, letter) || !this.#takes(subscriber)) continue;
        const rest = (this.#backlogs.get(destination) ?? []).filter((each) => each !== letter);
        if (rest.length > 0) this.#backlogs.set(destination, rest);
        else this.#backlogs.delete(destination);
        this.#hand(letter, subscriber);
      }
    }
  }

  #next(letter: Letter, but?: Subscriber): Subscriber | undefined {
    const able = this.#fitting(letter).filter((each) => each !== but && this.#takes(each));
    return able.sort((a, b) => a.turn - b.turn)[0];
  }

  /** Those who named the destination before those who named a pattern. */
  #fitting(letter: Letter): Subscriber[] {
    const fitting = this.#subscribers.filter((subscriber) => fits(subscriber, letter));
    const exact = fitting.filter(({ destination }) => destination === letter.destination);
    return [...exact, ...fitting.filter((subscriber) => !exact.includes(subscriber))];
  }

  #takes(subscriber: Subscriber): boolean {
    if (subscriber.ack === "auto") return true;
    return this.#held(subscriber) < subscriber.prefetch && !this.#isFull(subscriber.session);
  }

  #held(subscriber: Subscriber): number {
    return this.#entries.filter((entry) => entry.subscriber === subscriber).length;
  }

  #isFull(session: string): boolean {
    const queued = this.#entries.filter(
      (each) => each.subscriber.session === session && isQueue(each.letter),
    );
    return queued.length >= LIMITS.unacknowledgedLimit;
  }

  #dropped(letter: Letter | undefined, reason: string): void {
    this.log.push(`dropped ${letter?.destination} ${reason}`);
  }
}

function fits({ destination, color }: Subscriber, letter: Letter): boolean {
  if (color !== undefined && color !== letter.color) return false;
  return destination === letter.destination || destination === letter.destination.replace(/[^/]+$/, "*");
}

function refuse(): never {
  throw new Error("refused");
}
