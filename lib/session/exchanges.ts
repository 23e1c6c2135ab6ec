import { printable } from "../logger.js";
import type { Frame } from "../stomp/frame.js";
import type { ClientSession } from "./client-session.js";
import { meaningOf } from "./commands.js";
import { sayDisconnect } from "./disconnect.js";
import { Exchange, type Turns } from "./exchange.js";

/** So many frames of one session are handled at once where they may overlap. */
const OVERLAP = 64;

/** Where a session's frames come from. */
export interface Intake {
  /** Takes leave to begin one more frame now. */
  admit(): boolean;
  /** Frames have begun: there may be room for others. */
  wentOn(): void;
  /** Whether a frame that has begun is held up by a rate limit: it does not hang. */
  readonly isHeldUp: boolean;
}

/**
 * A session's frames from when they are decoded until they are handled, each
 * begun when the one before it has been handled, interceptors and controllers
 * included. With `preserveReceiveOrder: false` a frame waits only until every
 * handler has got the one before; CONNECT, DISCONNECT and what ends the session
 * are alone all the same.
 */
export class Exchanges implements Turns {
  readonly #session: ClientSession;
  readonly #intake: Intake;
  /** Decoded and not begun; an error stands where decoding ended. */
  #waiting: (Frame | Error)[] = [];
  /** The newest that has begun, while the next one has to wait for it. */
  #entering: Exchange | undefined;
  /** How many have begun, and how many of those may acknowledge. */
  #atWork = 0;
  #settling = 0;
  #isGoing = false;
  #whenIdle: (() => void)[] | undefined;
  #stopPatience: (() => void) | undefined;
  #gaveUp = false;

  constructor(session: ClientSession, intake: Intake) {
    this.#session = session;
    this.#intake = intake;
  }

  /**
   * Adds a frame, or the error at which decoding ended. The answer that a method waits for overtakes those that wait
   * for the method.
   */
  add(next: Frame | Error): void {
    if (!(next instanceof Error) && this.#isAwaited(next)) {
      this.#beginAside(next);
      return;
    }
    // Most often it is alone; an array that was pushed to would keep room for 17.
    if (this.#waiting.length === 0) this.#waiting = [next];
    else this.#waiting.push(next);
  }

  /** Begins what may begin now. */
  go(): void {
    // Called from within by a frame that was handed on at once: the loop goes on by itself.
    if (this.#isGoing) return;
    this.#isGoing = true;
    while (this.#mayFollow(this.#waiting[0]) && this.#intake.admit())
      this.#begin(this.#waiting.shift() as Frame | Error);
    this.#isGoing = false;

    this.#intake.wentOn();
    if (!this.#whenIdle) return;
    if (this.isIdle) this.#tellIdle();
    else this.#waitPatiently();
  }

  /** Forgets what waits: nothing that follows a fault is handled. */
  drop(): void {
    this.#waiting = [];
  }

  /** Whether so many frames wait, or so many bytes in them. */
  holds(frames: number, bytes: number): boolean {
    if (this.#waiting.length === 0) return false;
    if (this.#waiting.length >= frames) return true;
    let size = 0;
    for (const next of this.#waiting) size += sizeOf(next);
    return size >= bytes;
  }

  /** How many have not begun. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Whether all have been handled; frames that hang for `handlerTimeout` do not count. */
  get isIdle(): boolean {
    return this.#gaveUp || (this.#atWork === 0 && this.#waiting.length === 0);
  }

  /** Whether ACK, NACK or COMMIT is among the frames that are not handled yet. */
  get settles(): boolean {
    return (
      this.#settling > 0 || this.#waiting.some((next) => !(next instanceof Error) && meaningOf(next).settles)
    );
  }

  /** Calls back when all have been handled; or when they do not go on for `handlerTimeout`, and no rate limit holds them up. */
  whenIdle(callback: () => void): void {
    this.#tellWhenIdle(callback);
    this.go();
  }

  /** The same as a promise, if `whenIdle` was or will be called; `undefined` when there is nothing to wait for. */
  handled(): Promise<void> | undefined {
    if (this.isIdle) return undefined;
    return new Promise((resolve) => this.#tellWhenIdle(resolve));
  }

  handedOn(exchange: Exchange): void {
    if (this.#session.context.preserveReceiveOrder || exchange.meaning.alone) return;
    if (this.#entering !== exchange) return;

    this.#entering = undefined;
    this.go();
  }

  #isAwaited({ command, headers }: Frame): boolean {
    const { state, id, context } = this.#session;
    if (command !== "SEND" || !context.answers?.count || state !== "connected") return false;
    return context.answers.take(id, headers);
  }

  #beginAside(frame: Frame): void {
    if (!this.#session.checkGrant()) return;
    const exchange = new Exchange(frame, meaningOf(frame), this.#session, this);
    this.#atWork++;
    const handled = exchange.run();
    if (!handled) this.#done(exchange);
    else {
      void handled.then(() => {
        this.#done(exchange);
        this.go();
      });
    }
  }

  #mayFollow(next: Frame | Error | undefined): boolean {
    if (next === undefined || this.#entering !== undefined) return false;
    if (this.#atWork === 0) return true;
    return this.#atWork < OVERLAP && !(next instanceof Error) && !meaningOf(next).alone;
  }

  #begin(next: Frame | Error): void {
    this.#atWork++;
    if (next instanceof Error) {
      this.#session.fail(next);
      this.#atWork--;
      return;
    }
    const exchange = new Exchange(next, meaningOf(next), this.#session, this);
    if (exchange.meaning.settles) this.#settling++;
    this.#entering = exchange;
    const handled = exchange.run();
    if (!handled) {
      this.#done(exchange);
      return;
    }
    void handled.then(() => {
      this.#done(exchange);
      this.go();
      // Handlers let go of this session, which a late CONNECT may have brought back to them.
      if (this.#gaveUp) void sayDisconnect(this.#session);
    });
  }

  #done(exchange: Exchange): void {
    this.#atWork--;
    if (exchange.meaning.settles) this.#settling--;
    if (this.#entering === exchange) this.#entering = undefined;
  }

  #waitPatiently(): void {
    const { clock, handlerTimeout } = this.#session.context;
    if (handlerTimeout === 0) return;

    this.#stopPatience?.();
    this.#stopPatience = clock.after(handlerTimeout, () => this.#giveUp());
  }

  #giveUp(): void {
    if (this.#intake.isHeldUp) {
      this.#waitPatiently();
      return;
    }
    const { id, context } = this.#session;
    context.logger.error(
      `Session ${id} ends though ${this.#hanging} did not settle within ${context.handlerTimeout} ms`,
    );
    this.#gaveUp = true;
    this.drop();
    this.#tellIdle();
  }

  #tellWhenIdle(callback: () => void): void {
    this.#whenIdle ??= [];
    this.#whenIdle.push(callback);
  }

  #tellIdle(): void {
    this.#stopPatience?.();
    this.#stopPatience = undefined;
    const told = this.#whenIdle ?? [];
    this.#whenIdle = undefined;
    for (const callback of told) callback();
  }

  /** The frame that is being handled, in words for the log. */
  get #hanging(): string {
    if (this.#entering === undefined) return `${this.#atWork} of its frames`;
    const { command, headers } = this.#entering.frame;
    return `its ${command} ${printable(headers.get("destination") ?? "")}`.trimEnd();
  }
}

function sizeOf(next: Frame | Error): number {
  return next instanceof Error ? 0 : next.body.byteLength + next.headers.byteLength;
}
