import { type Content, LIMITS, type Subscription } from "./broker-driver.js";

type Letter = Content & {
  readonly order: number;
  readonly failures: number;
  readonly isBack: boolean;
  readonly payer: string;
};
type Subscriber = Subscription & { turn: number; owed: Letter | undefined };
/** A delivery to be acknowledged; `taken` when that is done for now, in a transaction perhaps. */
type Entry = { readonly number: number; readonly to: Subscriber; readonly letter: Letter; taken?: string };
/** What a payer has in a queue: how many digits their number has, and since when. */
type Share = { count: number; digits: number; since: number };

/** The simple broker, as short as it can be said: lists, and a walk over all of them for everything. */
export class BrokerModel {
  readonly log: string[] = [];
  #subscribers: Subscriber[] = [];
  #entries: Entry[] = [];
  #newest: Letter | undefined;
  /** By queue; of topics by the subscriber who has no room. */
  readonly #waiting = new Map<string | Subscriber, Letter[]>();
  readonly #shares = new Map<string, Map<string, Share>>();
  readonly #transactions = new Map<string, (() => void)[]>();
  /** Sessions that were delivered more than is remembered, so that no ACK of theirs is known to be wrong. */
  readonly #forgetful = new Set<string>();
  readonly #crowded = new Set<string>();
  readonly #ended = new Set<string>();
  #clock = 0;
  #deliveries = 0;

  subscribe(given: Subscription): void {
    if (this.#ended.has(given.session)) refuse();
    if (this.#subscribers.some(({ session, id }) => session === given.session && id === given.id)) refuse();
    const subscriber = { ...given, turn: 0, owed: undefined as Letter | undefined };
    this.#subscribers.push(subscriber);
    if (this.#newest && fits(subscriber, this.#newest)) subscriber.owed = this.#newest;
    this.#refill([subscriber]);
  }

  unsubscribe(session: string, id: string): void {
    this.#subscribers = this.#subscribers.filter((each) => each.session !== session || each.id !== id);
  }

  send(session: string, content: Content, transaction?: string): void {
    this.#perform(session, transaction, () => this.#publish(content, session));
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

  /** Its socket has no room, or has some again. */
  crowd(session: string, isCrowded: boolean): void {
    if (isCrowded) this.#crowded.add(session);
    else {
      this.#crowded.delete(session);
      this.#refill(this.#subscribers.filter((each) => each.session === session));
    }
  }

  /** It has ended, and frames that may acknowledge are still on their way. */
  end(session: string): void {
    this.#ended.add(session);
    this.#subscribers = this.#subscribers.filter((each) => each.session !== session);
  }

  disconnect(session: string): void {
    this.end(session);
    this.#ended.delete(session);
    this.#crowded.delete(session);
    for (const key of this.#transactions.keys()) {
      if (key.startsWith(`${session} `)) this.#transactions.delete(key);
    }
    this.#forgetful.delete(session);
    const suspects = new Set<Subscriber>();
    for (const entry of this.#entries.filter(({ to }) => to.session === session)) {
      if (!isQueue(entry.letter)) this.#drop(entry);
      else this.#return(entry, !suspects.has(entry.to));
      if (isQueue(entry.letter)) suspects.add(entry.to);
    }
  }

  /** What a session has not acknowledged, by the number of the delivery. */
  unacknowledged(session: string): number[] {
    const open = this.#entries.filter(({ to, taken }) => to.session === session && taken === undefined);
    return open.map(({ number }) => number);
  }

  isOpen(session: string, transaction: string): boolean {
    return this.#transactions.has(`${session} ${transaction}`);
  }

  isCrowded(session: string): boolean {
    return this.#crowded.has(session);
  }

  #perform(session: string, transaction: string | undefined, step: () => void): void {
    if (transaction === undefined) step();
    else (this.#transactions.get(`${session} ${transaction}`) ?? refuse()).push(step);
  }

  #publish(content: Content, payer: string): void {
    const letter = { ...content, payer, order: ++this.#clock, failures: 0, isBack: false };
    if (letter.destination === "/topic/a") this.#newest = letter;
    if (isQueue(letter)) this.#place(letter);
    else for (const subscriber of this.#fitting(letter)) this.#offer(letter, subscriber);
  }

  #offer(letter: Letter, to: Subscriber): void {
    const waits = this.#waiting.get(to) ?? [];
    if (this.#hasWindow(to, letter) && waits.length === 0) {
      this.#deliver(letter, to);
      return;
    }
    this.#waiting.set(to, [...waits, letter]);
    if (waits.length < LIMITS.unacknowledgedLimit) return;
    this.#waiting.set(to, [...waits.slice(1), letter]);
    this.log.push(`dropped ${waits[0]?.destination} prefetch ${to.session}`);
  }

  /** Gives it to who was served longest ago of those who have room, and to who returned it after all others. */
  #place(letter: Letter, returner?: Subscriber): void {
    const rank = (each: Subscriber) => (each === returner ? Number.POSITIVE_INFINITY : each.turn);
    const able = this.#fitting(letter).filter((each) => this.#hasRoom(each, letter));
    const [next] = able.sort((a, b) => rank(a) - rank(b));
    if (next) {
      this.#deliver(letter, next);
      return;
    }
    const { destination } = letter;
    while (!letter.isBack && (this.#waiting.get(destination)?.length ?? 0) >= LIMITS.backlogLimit) {
      const loser = this.#heaviest(destination);
      const oldest = this.#waiting.get(destination)?.find(({ payer }) => payer === loser);
      if (oldest) this.#takeOut(oldest);
      this.log.push(`dropped ${destination} backlog`);
    }
    const waiting = [...(this.#waiting.get(destination) ?? []), letter].sort((a, b) => a.order - b.order);
    this.#waiting.set(destination, waiting);
    this.#weigh(letter, 1);
  }

  #takeOut(letter: Letter): void {
    const left = (this.#waiting.get(letter.destination) ?? []).filter((each) => each !== letter);
    if (left.length > 0) this.#waiting.set(letter.destination, left);
    else this.#waiting.delete(letter.destination);
    this.#weigh(letter, -1);
  }

  #weigh({ destination, payer }: Letter, step: number): void {
    const shares = this.#shares.get(destination) ?? new Map<string, Share>();
    this.#shares.set(destination, shares);
    const share = shares.get(payer) ?? { count: 0, digits: 0, since: 0 };
    shares.set(payer, share);
    share.count += step;
    const digits = share.count.toString(2).length * Math.sign(share.count);
    if (digits !== share.digits) Object.assign(share, { digits, since: ++this.#clock });
  }

  #heaviest(destination: string): string | undefined {
    const shares = [...(this.#shares.get(destination) ?? [])];
    const [heaviest] = shares.sort(([, a], [, b]) => b.digits - a.digits || a.since - b.since);
    return heaviest?.[0];
  }

  #deliver(letter: Letter, to: Subscriber): void {
    this.log.push(
      `${to.session} ${to.id} ${letter.destination} ${letter.body}${letter.isBack ? " again" : ""}`,
    );
    if (isQueue(letter)) to.turn = ++this.#clock;
    const number = this.#deliveries++;
    if (to.ack === "auto") return;
    this.#entries.push({ number, to, letter });
    const topics = this.#entries.filter((each) => each.to.session === to.session && !isQueue(each.letter));
    if (isQueue(letter) || topics.length <= LIMITS.unacknowledgedLimit) return;
    const oldest = topics.find((each) => each.to === to && each.taken === undefined);
    if (oldest) this.#drop(oldest);
    this.#forgetful.add(to.session);
  }

  #drop(entry: Entry): void {
    this.#entries = this.#entries.filter((each) => each !== entry);
  }

  #finish(taken: readonly Entry[], acknowledged: boolean): void {
    const to = taken[0]?.to;
    const wasFull = to && this.#isFull(to.session);
    this.#entries = this.#entries.filter((entry) => !taken.includes(entry));
    if (!acknowledged) for (const entry of taken) if (isQueue(entry.letter)) this.#return(entry, true);
    this.#refill(this.#subscribers.filter((each) => each === to || (wasFull && each.session === to.session)));
  }

  #return(entry: Entry, hasFailed: boolean): void {
    this.#drop(entry);
    const { letter, to } = entry;
    const again = { ...letter, failures: letter.failures + Number(hasFailed), isBack: true };
    if (again.failures < LIMITS.deliveryAttempts) this.#place(again, to);
    else if (letter.destination === "/queue/dead") this.log.push("dropped /queue/dead attempts");
    else this.#publish({ ...letter, destination: "/queue/dead" }, letter.payer);
  }

  /** Gives each in turn one thing of what has waited for it, is retained, or waits in queues, while it has room. */
  #refill(all: readonly Subscriber[]): void {
    let hungry = [...all];
    while (hungry.length > 0) hungry = hungry.filter((each) => this.#giveNext(each));
  }

  #giveNext(to: Subscriber): boolean {
    if (this.#crowded.has(to.session) || !this.#subscribers.includes(to)) return false;
    const own = this.#waiting.get(to)?.[0];
    if (own && this.#hasWindow(to, own)) {
      this.#waiting.set(to, this.#waiting.get(to)?.slice(1) ?? []);
      this.#deliver(own, to);
      return true;
    }
    const { owed } = to;
    if (owed && this.#hasWindow(to, owed)) {
      to.owed = undefined;
      if (owed === this.#newest) {
        this.#deliver(owed, to);
        return true;
      }
    }
    for (const waiting of [...this.#waiting].flatMap(([at, letters]) =>
      typeof at === "string" ? letters : [],
    )) {
      if (!fits(to, waiting) || !this.#hasRoom(to, waiting)) continue;
      this.#takeOut(waiting);
      this.#deliver(waiting, to);
      return true;
    }
    return false;
  }

  /** Those who named the destination before those who named a pattern. */
  #fitting(letter: Letter): Subscriber[] {
    const isPattern = ({ destination }: Subscriber) => Number(destination !== letter.destination);
    return this.#subscribers.filter((each) => fits(each, letter)).sort((a, b) => isPattern(a) - isPattern(b));
  }

  /** Whether its `prefetch-count` leaves room. */
  #hasWindow(to: Subscriber, letter: Letter): boolean {
    const held = this.#entries.filter((entry) => entry.to === to);
    const queued = held.filter((entry) => isQueue(entry.letter)).length;
    if (to.ack === "auto") return true;
    if (to.prefetch !== undefined) return held.length < to.prefetch;
    return !isQueue(letter) || queued < LIMITS.prefetchCount;
  }

  #hasRoom(to: Subscriber, letter: Letter): boolean {
    const isFull = to.ack !== "auto" && this.#isFull(to.session);
    return !this.#crowded.has(to.session) && !isFull && this.#hasWindow(to, letter);
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
