import type { Clock } from "../clock/clock.js";
import { inTime } from "../clock/deadline.js";
import { HandlerTimeoutError, MessageDeliveryError } from "../errors.js";
import type { Message } from "../message/message.js";
import { isPromise } from "../promise.js";
import { isHeldUp, type Lane, type Lanekeeper, Place, placeAround, placesFrom } from "./place.js";
import { type Steps, take, takeFor } from "./steps.js";

/** Says which messages must not overtake each other, and how much of them may wait. */
export interface Order {
  /** Names the order that a message belongs to. */
  of(message: Message): string;
  /** Names who pays for a message that waits. Default: its order. */
  payer?(message: Message): string;
  /** Bytes that may wait for one payer. */
  readonly limit: number;
  /** Bytes that a message counts for while it waits. */
  sizeOf(message: Message): number;
  /** Milliseconds that a message may wait for its turn. 0, the default, is without end. */
  readonly patience?: number;
  /** Hears of each message that has to wait: for an interceptor, or for those before it. */
  waits?(message: Message): void;
  /** Hears when some of what waited for one payer does so no more. */
  left?(payer: string): void;
  /** Whether a message that waits may be dropped for a newer one. Default: none may. */
  mayDrop?(message: Message): boolean;
  /** Names the subject of a message: while it waits, a newer one of the same makes it stale. Such are dropped first. Default: none has one. */
  subject?(message: Message): string | undefined;
  /** Hears of each message that was dropped so; `first` when none of its payer was since nothing of that waited. */
  dropped?(message: Message, first: boolean): void;
  /**
   * Hears of a message that failed because too much waits, or since it waited
   * too long: of the first one of its payer, until nothing of that waits any more.
   */
  refused?(message: Message, error: Error): void;
}

/** A message's way through the channel. */
type Way = (place?: Place) => Steps<boolean>;

/**
 * Keeps messages of the same order in order as soon as one of them has to be
 * waited for; what is synchronous passes as if nobody cared.
 *
 * A message that is sent from inside another one's way goes ahead where it
 * would wait for that one, which may be waiting for it: where that one is in
 * front, or where whoever is in front waits, over however many channels, for
 * that one.
 */
export class Lanes implements Lanekeeper {
  readonly #channel: string;
  readonly #order: Order;
  readonly #clock: Clock;
  readonly #lanes = new Map<string, Lane>();
  readonly #bytes = new Map<string, number>();
  /** Payers of whom something was refused, or dropped, since nothing of theirs waited. */
  readonly #refused = new Set<string>();
  readonly #dropped = new Set<string>();
  readonly #whenIdle: (() => void)[] = [];
  #waiting = 0;

  constructor(channel: string, order: Order, clock: Clock) {
    this.#clock = clock;
    this.#channel = channel;
    this.#order = order;
  }

  /** Bytes of one payer's messages that the interceptors have, or that wait for them. */
  bytesOf(payer: string): number {
    return this.#bytes.get(payer) ?? 0;
  }

  /** How many wait for those before them. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Whether anything waits. */
  get isBusy(): boolean {
    return this.#lanes.size > 0;
  }

  /** Resolves when nothing waits. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      if (this.isBusy) this.#whenIdle.push(resolve);
      else resolve();
    });
  }

  /** Whether the caller is inside the way of a message of this order. */
  isInside(order: string): boolean {
    for (const place of placesFrom(placeAround())) {
      if (place.keeper === this && place.order === order) return true;
    }
    return false;
  }

  /**
   * Takes a message its way: at once, if none of its order is in front. The
   * next one begins when its place was left.
   *
   * @throws MessageDeliveryError (rejects with it) when too much waits
   * @throws HandlerTimeoutError (rejects with it) when it waited too long
   */
  run(message: Message, way: Way): boolean | Promise<boolean> {
    const order = this.#order.of(message);
    const lane = this.#lanes.get(order);
    if (this.#goesAhead(order, lane)) return take(way());

    const place = new Place(this, order, this.#order.payer?.(message) ?? order);
    if (lane) return this.#wait(lane, place, message, way);

    const sent = place.enter(() => take(way(place)));
    if (isPromise(sent) && !place.isLeft) this.#hold(place, message);
    return sent;
  }

  /** Lets a message that is on its way already hold up those that follow; unless it goes ahead of others itself. */
  hold(message: Message): Place | undefined {
    const order = this.#order.of(message);
    if (this.#lanes.has(order)) return undefined;
    const place = new Place(this, order, this.#order.payer?.(message) ?? order);
    this.#hold(place, message);
    return place;
  }

  /** Runs a task when all messages of this order that are there now have left: at once, if there are none. */
  behind(order: string, task: () => void): void {
    const lane = this.#lanes.get(order);
    if (!lane || this.#goesAhead(order, lane)) {
      task();
      return;
    }
    const place = new Place(this, order, order);
    void this.#turn(lane, place).then(() => {
      task();
      place.end();
    });
  }

  /** The next one of its order enters. */
  left(place: Place): void {
    const lane = this.#lanes.get(place.order);
    this.#discharge(place);
    if (lane?.holder !== place) return;

    const next = lane.waiting.shift();
    if (next) {
      lane.holder = next;
      next.go(true);
    } else {
      this.#lanes.delete(place.order);
      if (!this.isBusy) for (const idle of this.#whenIdle.splice(0)) idle();
    }
  }

  #hold(place: Place, message: Message): void {
    this.#lanes.set(place.order, { holder: place, waiting: [] });
    this.#charge(place, message);
    this.#order.waits?.(message);
  }

  #goesAhead(order: string, lane: Lane | undefined): boolean {
    const around = placeAround();
    if (!around) return false;
    if (this.isInside(order)) return true;
    return lane !== undefined && isHeldUp(lane, new Set(placesFrom(around)));
  }

  #wait(lane: Lane, place: Place, message: Message, way: Way): Promise<boolean> {
    const { limit, patience = 0 } = this.#order;
    const subject = this.#order.subject?.(message);
    if (!this.#hasRoom(lane, place.payer, subject)) {
      const text = `More than ${limit} bytes wait on ${this.#channel}`;
      return Promise.reject(this.#refuse(place, message, new MessageDeliveryError(text)));
    }
    this.#charge(place, message);
    this.#order.waits?.(message);
    place.message = message;
    place.subject = subject;
    if (subject !== undefined) {
      lane.newest ??= new Map();
      lane.newest.set(subject, place);
    }
    const turn = this.#turn(lane, place);
    const inPatience = patience > 0 ? this.#within(patience, turn, { lane, place, message }) : turn;
    return new Promise((resolve, reject) => {
      inPatience.then((isItsTurn) => {
        if (isItsTurn) place.enter(() => takeFor(way(place), resolve, reject));
        else resolve(false);
      }, reject);
    });
  }

  #within(
    patience: number,
    turn: Promise<boolean>,
    { lane, place, message }: { readonly lane: Lane; readonly place: Place; readonly message: Message },
  ): Promise<boolean> {
    return inTime(turn, {
      clock: this.#clock,
      milliseconds: patience,
      passed: () => {
        const text = `A message waited ${patience} ms on ${this.#channel} for those before it`;
        const error = this.#refuse(place, message, new HandlerTimeoutError(text));
        this.#remove(lane, place);
        return error;
      },
      late: () => {},
    });
  }

  /** Waits for a place's turn; whoever it was sent from inside of waits with it. */
  #turn(lane: Lane, place: Place): Promise<boolean> {
    const senders = place.outer && [...placesFrom(place.outer)];
    for (const sender of senders ?? []) {
      sender.waitsFor ??= new Set();
      sender.waitsFor.add(lane);
    }
    lane.waiting.push(place);
    this.#waiting++;
    return new Promise((resolve) => {
      place.go = (isItsTurn) => {
        this.#waiting--;
        place.message = undefined;
        forgetSubject(lane, place);
        for (const sender of senders ?? []) sender.waitsFor?.delete(lane);
        resolve(isItsTurn);
      };
    });
  }

  /** Whether one more may wait; what may be dropped for it has been. */
  #hasRoom(lane: Lane, payer: string, subject: string | undefined): boolean {
    const { limit, mayDrop } = this.#order;
    // Once something was dropped each goes as soon as it is stale.
    if (this.bytesOf(payer) > limit && !this.#dropped.has(payer)) this.#dropStale(lane, payer);
    const stale = subject === undefined ? undefined : lane.newest?.get(subject);
    if (stale && (this.#dropped.has(payer) || this.bytesOf(payer) > limit)) this.#drop(lane, payer, stale);
    for (const place of mayDrop ? [...lane.waiting] : []) {
      if (this.bytesOf(payer) <= limit) break;
      if (place.message && mayDrop?.(place.message)) this.#drop(lane, payer, place);
    }
    return this.bytesOf(payer) <= limit;
  }

  #dropStale(lane: Lane, payer: string): void {
    for (const place of lane.newest ? [...lane.waiting] : []) {
      const { subject } = place;
      if (subject !== undefined && lane.newest?.get(subject) !== place) this.#drop(lane, payer, place);
    }
  }

  #drop(lane: Lane, payer: string, place: Place): void {
    if (place.message) this.#order.dropped?.(place.message, !this.#dropped.has(payer));
    this.#dropped.add(payer);
    this.#remove(lane, place);
  }

  #remove(lane: Lane, place: Place): void {
    lane.waiting.splice(lane.waiting.indexOf(place), 1);
    forgetSubject(lane, place);
    place.end();
    place.go(false);
  }

  #refuse(place: Place, message: Message, error: Error): Error {
    if (!this.#refused.has(place.payer)) {
      this.#refused.add(place.payer);
      this.#order.refused?.(message, error);
    }
    return error;
  }

  #charge(place: Place, message: Message): void {
    place.size = this.#order.sizeOf(message);
    this.#bytes.set(place.payer, this.bytesOf(place.payer) + place.size);
  }

  #discharge(place: Place): void {
    if (place.size === 0) return;
    const bytes = this.bytesOf(place.payer) - place.size;
    place.size = 0;
    if (bytes > 0) this.#bytes.set(place.payer, bytes);
    else {
      this.#bytes.delete(place.payer);
      if (this.#refused.size > 0) this.#refused.delete(place.payer);
      if (this.#dropped.size > 0) this.#dropped.delete(place.payer);
    }
    this.#order.left?.(place.payer);
  }
}

/** A place does not wait any more. */
function forgetSubject({ newest }: Lane, place: Place): void {
  const { subject } = place;
  if (subject !== undefined && newest?.get(subject) === place) newest.delete(subject);
}
