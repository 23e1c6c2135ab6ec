import { type Content, LIMITS, type Subscription } from "./broker-driver.js";

type Letter = Content & { readonly order: number; readonly returns: number };
type Subscriber = Subscription & { turn: number };
/** A delivery to be acknowledged; `taken` when that is done for now, in a transaction perhaps. */
type Entry = { readonly number: number; readonly to: Subscriber; readonly letter: Letter; taken?: string };

/** The simple broker, as short as it can be said: lists, and a walk over all of them for everything. */
export class BrokerModel {
  readonly log: string[] = [];
  #subscribers: Subscriber[] = [];
  #entries: Entry[] = [];
  #newest: Letter | undefined;
  /** By queue; of topics by the subscriber who has no room. */
  readonly #waiting = new Map<string | Subscriber, Letter[]>();
  readonly #transactions = new Map<string, (() => void)[]>();
  /** Sessions that were delivered more than is remembered, so that no ACK of theirs is known to be wrong. */
  readonly #forgetful = new Set<string>();
  #clock = 0;
  #deliveries = 0;

  subscribe(given: Subscription): void {
    if (this.#subscribers.some(({ session, id }) => session === given.session && id === given.id)) refuse();
    const subscriber = { ...given, turn: 0 };
    this.#subscribers.push(subscriber);
    if (this.#newest && fits(subscriber, this.#newest)) this.#offer(this.#newest, subscriber);
    this.#refill(subscriber);
  }

  unsubscribe(session: string, id: string): void {
    this.#subscribers = this.#subscribers.filter((each) => each.session !== session || each.id !== id);
  }

  send(session: string, content: Content, transaction?: string): void {
    this.#perform(session, transaction, () => this.#publish(content));
  }

  settle(session: string, number: number, acknowledged: boolean, transaction?: string): void {
    const open = this.#entries.filter(({ to, taken }) => to.session === session && taken === undefined);
    const named = open.find((entry) => entry.number === number);
    if (!named && !this.#forgetful.has(session)) refuse();
    const first = named?.to.ack === "client" ? 0 : number;
    const taken = open.filter(
      (each) => each.to === named?.to && first <= each.number && each.number <= number,
    );
    for (const entry of taken) entry.taken = `${session} ${transaction}`;
    this.#perform(session, transaction, () => this.#finish(taken, acknowledged));
  }

  transact(session: string, command: string, transaction: string): void {
    const key = `${session} ${transaction}`;
    const steps = this.#transactions.get(key);
    if ((steps === undefined) !== (command === "BEGIN")) refuse();
    if (command === "BEGIN") this.#transactions.set(key, []);
    else this.#transactions.delete(key);
    if (command === "COMMIT") for (const step of steps ?? []) step();
    for (const entry of this.#entries) if (entry.taken === key) delete entry.taken;
  }

  disconnect(session: string): void {
    this.#subscribers = this.#subscribers.filter((each) => each.session !== session);
    for (const key of this.#transactions.keys()) {
      if (key.startsWith(`${session} `)) this.#transactions.delete(key);
    }
    this.#forgetful.delete(session);
    this.#return(this.#entries.filter(({ to }) => to.session === session));
  }

  /** What a session has not acknowledged, by the number of the delivery. */
  unacknowledged(session: string): number[] {
    const open = this.#entries.filter(({ to, taken }) => to.session === session && taken === undefined);
    return open.map(({ number }) => number);
  }

  isOpen(session: string, transaction: string): boolean {
    return this.#transactions.has(`${session} ${transaction}`);
  }

  #perform(session: string, transaction: string | undefined, step: () => void): void {
    if (transaction === undefined) step();
    else (this.#transactions.get(`${session} ${transaction}`) ?? refuse()).push(step);
  }

  #publish(content: Content): void {
    const letter = { ...content, order: ++this.#clock, returns: 0 };
    if (letter.destination === "/topic/a") this.#newest = letter;
    if (isQueue(letter)) this.#place(letter);
    else for (const subscriber of this.#fitting(letter)) this.#offer(letter, subscriber);
  }

  #offer(letter: Letter, to: Subscriber): void {
    const { unacknowledgedLimit: limit } = LIMITS;
    if (this.#hasRoom(to, letter)) this.#deliver(letter, to);
    else this.#wait(letter, { at: to, limit, reason: `prefetch ${to.session}` });
  }

  /** Gives it to who was served longest ago of those who have room, and to who returned it after all others. */
  #place(letter: Letter, returner?: Subscriber): void {
    const rank = (each: Subscriber) => (each === returner ? Number.POSITIVE_INFINITY : each.turn);
    const able = this.#fitting(letter).filter((each) => this.#hasRoom(each, letter));
    const [next] = able.sort((a, b) => rank(a) - rank(b));
    const limit = returner ? Number.POSITIVE_INFINITY : LIMITS.backlogLimit;
    if (next) this.#deliver(letter, next);
    else this.#wait(letter, { at: letter.destination, limit, reason: "backlog" });
  }

  #wait(
    letter: Letter,
    { at, limit, reason }: { at: string | Subscriber; limit: number; reason: string },
  ): void {
    const waiting = [...(this.#waiting.get(at) ?? []), letter].sort((a, b) => a.order - b.order);
    this.#waiting.set(at, waiting);
    while (waiting.length > limit) this.log.push(`dropped ${waiting.shift()?.destination} ${reason}`);
  }

  #deliver(letter: Letter, to: Subscriber): void {
    const again = letter.returns > 0 ? " again" : "";
    this.log.push(`${to.session} ${to.id} ${letter.destination} ${letter.body}${again}`);
    if (isQueue(letter)) to.turn = ++this.#clock;
    const number = this.#deliveries++;
    if (to.ack === "auto") return;
    this.#entries.push({ number, to, letter });
    const topics = this.#entries.filter((each) => each.to.session === to.session && !isQueue(each.letter));
    if (isQueue(letter) || topics.length <= LIMITS.unacknowledgedLimit) return;
    const oldest = topics.find((each) => each.to === to && each.taken === undefined);
    this.#entries = this.#entries.filter((each) => each !== oldest);
    this.#forgetful.add(to.session);
  }

  #finish(taken: readonly Entry[], acknowledged: boolean): void {
    const to = taken[0]?.to;
    const wasFull = to && this.#isFull(to.session);
    if (acknowledged) this.#entries = this.#entries.filter((entry) => !taken.includes(entry));
    else this.#return(taken);
    for (const each of this.#subscribers) {
      if (each === to || (wasFull && each.session === to.session)) this.#refill(each);
    }
  }

  #return(entries: readonly Entry[]): void {
    this.#entries = this.#entries.filter((entry) => !entries.includes(entry));
    for (const { letter, to } of entries.filter((entry) => isQueue(entry.letter))) {
      const again = { ...letter, returns: letter.returns + 1 };
      if (again.returns < LIMITS.deliveryAttempts) this.#place(again, to);
      else if (letter.destination === "/queue/dead") this.log.push("dropped /queue/dead attempts");
      else this.#publish({ ...letter, destination: "/queue/dead" });
    }
  }

  /** Gives a subscriber what has waited for it, then what waits in queues, while it has room. */
  #refill(to: Subscriber): void {
    for (const at of [to, ...[...this.#waiting.keys()].filter((key) => typeof key === "string")]) {
      const left = (this.#waiting.get(at) ?? []).filter((letter) => {
        if (!fits(to, letter) || !this.#hasRoom(to, letter)) return true;
        this.#deliver(letter, to);
        return false;
      });
      if (left.length > 0) this.#waiting.set(at, left);
      else this.#waiting.delete(at);
    }
  }

  /** Those who named the destination before those who named a pattern. */
  #fitting(letter: Letter): Subscriber[] {
    const isPattern = ({ destination }: Subscriber) => Number(destination !== letter.destination);
    return this.#subscribers.filter((each) => fits(each, letter)).sort((a, b) => isPattern(a) - isPattern(b));
  }

  #hasRoom(to: Subscriber, letter: Letter): boolean {
    const held = this.#entries.filter((entry) => entry.to === to).length;
    return to.ack === "auto" || (held < to.prefetch && !(isQueue(letter) && this.#isFull(to.session)));
  }

  #isFull(session: string): boolean {
    const queued = this.#entries.filter(({ to, letter }) => to.session === session && isQueue(letter));
    return queued.length >= LIMITS.unacknowledgedLimit;
  }
}

const isQueue = ({ destination }: Letter) => destination.startsWith("/queue");

function fits({ destination, color }: Subscription, letter: Letter): boolean {
  if (color !== undefined && color !== letter.color) return false;
  return destination === letter.destination || destination === letter.destination.replace(/[^/]+$/, "*");
}

function refuse(): never {
  throw new Error("refused");
}
