import { pump, type Taker } from "./taker.js";
import type { Turns } from "./turns.js";

/**
 * The work that may be spent for nothing in one turn of the event loop, in
 * characters: queues that do not fit, messages that a selector does not want.
 * Half a millisecond with most patterns and selectors, one with the worst; some
 * more when none has been asked before, as nothing is compiled then.
 */
const WORK_PER_TURN = 32 * 1024;

/** The part of that for one consumer, before another session's has its turn. */
const SHARE = WORK_PER_TURN / 8;

/** A consumer that looks for what may wait for it. */
export interface Seeker extends Taker {
  readonly sessionId: string;
}

/**
 * Consumers that have room and have not looked at all that may wait for them,
 * since nobody's SUBSCRIBE or ACK may keep the others waiting: they go on when
 * the event loop has turned, the sessions one after the other.
 */
export class Seekers {
  readonly #turns: Turns;
  /** Those of each session; the session whose turn is next stands first. */
  readonly #bySession = new Map<string, Set<Seeker>>();
  #left = WORK_PER_TURN;
  /** The work that is left for others, while one is served. */
  #kept = 0;
  #nextTurn: NodeJS.Immediate | undefined;

  constructor(turns: Turns) {
    this.#turns = turns;
  }

  /** Whether more may be looked at now. */
  get mayLook(): boolean {
    return this.#left > this.#kept;
  }

  /** A message was looked at for nothing. A look that finds one is paid by the delivery. */
  lookedAt(characters: number): void {
    this.#left -= characters;
    this.#nextTurn ??= setImmediate(() => this.#turn());
  }

  /** The consumer goes on later. */
  add(consumer: Seeker): void {
    const { sessionId } = consumer;
    const others = this.#bySession.get(sessionId) ?? new Set<Seeker>();
    this.#bySession.set(sessionId, others.add(consumer));
  }

  has(consumer: Seeker): boolean {
    return this.#bySession.get(consumer.sessionId)?.has(consumer) === true;
  }

  get isEmpty(): boolean {
    return this.#bySession.size === 0;
  }

  clear(): void {
    this.#bySession.clear();
    if (this.#nextTurn) clearImmediate(this.#nextTurn);
    this.#nextTurn = undefined;
    this.#left = WORK_PER_TURN;
  }

  #turn(): void {
    this.#nextTurn = undefined;
    this.#left = WORK_PER_TURN;
    void this.#turns.take(() => this.#serve());
    if (this.#bySession.size > 0) this.#nextTurn ??= setImmediate(() => this.#turn());
  }

  #serve(): void {
    for (const [sessionId, consumers] of this.#bySession) {
      if (this.#left <= 0) break;

      this.#kept = Math.max(0, this.#left - SHARE);
      const [consumer] = consumers;
      this.#bySession.delete(sessionId);
      if (consumer) consumers.delete(consumer);
      if (consumers.size > 0) this.#bySession.set(sessionId, consumers);
      if (consumer) pump(consumer);
    }
    this.#kept = 0;
  }
}
