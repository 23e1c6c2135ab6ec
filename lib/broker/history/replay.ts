import { sizeOf } from "../../message/message.js";
import { isPromise } from "../../promise.js";
import type { Publication } from "../publication.js";
import type { Found, Kept, Unfound } from "./history-store.js";

/** Bytes of messages that are not kept and wait behind a replay. */
const HELD_SIZE = 1024 * 1024;

/** The subscription and the history, as a replay needs them. */
export interface ReplayContext {
  /** Asks the history what is behind a number now. */
  find(after: number): Found | Promise<Found>;
  /** Whether the subscription wants a message: its selector. */
  wants(publication: Publication): boolean;
  /** Gives the message as it is told to who has missed it. */
  marked(publication: Publication): Publication;
  /** Hears that not all could be given. */
  failed(reason: Unfound): void;
  /** The promise of a question has settled: it goes on. */
  goOn(): void;
  /** How many messages may wait behind it that are not kept. */
  readonly limit: number;
  /** The subscription has asked for all that is kept, and not for what came behind a position. */
  readonly isFromFirst: boolean;
}

/**
 * The messages that one subscription has missed and is still to be given, oldest first.
 *
 * It need not remember those that are published meanwhile, since the history does: at
 * the end of what it has found it asks for what has come since, until there is
 * nothing. From then on the subscription is given what is live. So a client
 * that reads slowly costs no memory; it may fall out of the history, and then
 * the replay is over, and says so.
 */
export class Replay {
  readonly #context: ReplayContext;
  #kept: readonly Kept[] = [];
  #at = 0;
  /** The number up to which the history has been asked. */
  #upTo = 0;
  /** Of one that has asked for all: the messages that it has found, and the number behind which all is live. */
  #all: { readonly numbers: ReadonlySet<number>; readonly upTo: number } | undefined;
  /** A message that was missed is marked, and none that was published after the subscription was made. */
  #isMarking = true;
  /** The history has not answered. */
  #isAsking = true;
  #failure: Unfound | undefined;
  #isOver = false;
  /** Messages that no history keeps, such as those for one session alone. */
  readonly #held: Publication[] = [];
  #heldSize = 0;

  /** It waits for `begin`, and until then gives nothing. */
  constructor(context: ReplayContext) {
    this.#context = context;
  }

  /** @param upTo the number up to which the history was asked, if it found nothing */
  begin(kept: readonly Kept[], upTo: number): void {
    this.#isAsking = false;
    this.#upTo = upTo;
    if (this.#context.isFromFirst) this.#all = { numbers: new Set(kept.map(({ number }) => number)), upTo };
    this.#add(kept);
  }

  /** Whether a message that another store keeps is none of those that it gives, nor of those that came later. */
  lacks(number: number): boolean {
    return this.#all !== undefined && number <= this.#all.upTo && !this.#all.numbers.has(number);
  }

  /** How many messages it has found and not given. */
  get length(): number {
    return this.#kept.length - this.#at;
  }

  /** Nothing is left to give: what is published from now on is live. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Not all could be given. */
  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  /** Not all can be given: it is over. */
  fail(reason: Unfound): void {
    this.#failure = reason;
    this.#isOver = true;
    this.#kept = [];
  }

  /**
   * Lets go of it, which is over: its client is told if it was not whole.
   *
   * @returns messages that have waited behind it
   */
  end(): readonly Publication[] {
    this.#isOver = true;
    if (this.#failure) this.#context.failed(this.#failure);
    this.#heldSize = 0;
    return this.#held.splice(0);
  }

  /** A message for the subscription was published. */
  published(publication: Publication): void {
    if (publication.isInHistory) return;

    this.#held.push(publication.own());
    this.#heldSize += sizeOf(publication);
    if (this.#held.length > this.#context.limit || this.#heldSize > HELD_SIZE) this.fail("limit");
  }

  /** Gives the next message; `undefined` when it is over, or has to wait for the history. */
  next(): Publication | undefined {
    while (!this.#isOver && !this.#isAsking) {
      const kept = this.#kept[this.#at];
      const held = this.#held[0];
      if (held && kept && held.number < kept.number) return this.#shiftHeld(held);
      if (!kept) {
        if (this.#askOn()) continue;
        if (held && !this.#isOver && !this.#isAsking) return this.#shiftHeld(held);
        return undefined;
      }
      this.#at++;
      const { publication } = kept;
      if (publication) return this.#isMarking ? this.#context.marked(publication) : publication;
      this.fail("trimmed");
    }
    return undefined;
  }

  /** Asks for what has come since; gives whether that was something. Without anything it is over, unless some is held. */
  #askOn(): boolean {
    this.#isMarking = false;
    const found = this.#context.find(this.#upTo);
    if (isPromise(found)) {
      this.#isAsking = true;
      const taken = (answer: Found) => {
        this.#isAsking = false;
        this.#take(answer);
        this.#context.goOn();
      };
      found.then(taken, () => taken({ reason: "trimmed" }));
      return false;
    }
    if (this.#take(found)) return true;
    // Nothing can have been published since the answer.
    this.#isOver ||= this.#held.length === 0;
    return false;
  }

  #take(found: Found): boolean {
    if ("reason" in found) {
      this.fail(found.reason);
      return false;
    }
    this.#add(found.kept);
    return found.kept.length > 0;
  }

  #add(kept: readonly Kept[]): void {
    this.#kept = kept.filter(({ publication }) => publication && this.#context.wants(publication));
    this.#at = 0;
    this.#upTo = kept.at(-1)?.number ?? this.#upTo;
  }

  #shiftHeld(held: Publication): Publication {
    this.#held.shift();
    this.#heldSize -= sizeOf(held);
    return held;
  }
}
