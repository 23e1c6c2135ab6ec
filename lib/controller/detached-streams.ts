import type { Clock } from "../clock/clock.js";
import { MessageHandlingError, MessagingError } from "../errors.js";
import type { DetachedEnd, EventPublisher } from "../events.js";
import { printable } from "../logger.js";
import type { Principal } from "../message/message.js";
import { ownText } from "../own-text.js";
import { Stream, type StreamOptions } from "./stream.js";

/** How many streams with `@Detached` may run. */
export interface DetachedStreamsOptions {
  /** On this server. @default 1000 */
  limit?: number;
  /** Of one user, or of one session without a user. @default 10 */
  limitPerUser?: number;
}

/** As many may have been ended from here and go on waiting. */
const STOPPED_LIMIT = 1_000;

export interface DetachedStreamsContext {
  readonly clock: Clock;
  readonly detachedStreams: Required<DetachedStreamsOptions>;
  readonly events: EventPublisher;
}

/** The session whose SEND has begun a stream. */
export interface Asker {
  readonly sessionId: string;
  readonly user: Principal | undefined;
}

export interface DetachedStreamOptions extends StreamOptions {
  /** Ms until it is ended. */
  readonly timeout: number;
  /** Sends the last message: that all was sent, or that there is an error, and what of it is everybody's. Never throws. */
  ended(how: "end" | "error", publicText?: string): void;
}

/** A stream from when its method is called. */
export class DetachedRun {
  readonly key: string;
  readonly asker: Asker;
  readonly #streams: DetachedStreams;
  #options: DetachedStreamOptions | undefined;
  #stream: Stream | undefined;
  /** It was ended before it began. */
  #early: { readonly how: DetachedEnd; readonly reason: string } | undefined;
  #isOver = false;
  #stopTimer = () => {};
  #hasBegun = () => {};
  /** Settles when the stream has begun, or will not. */
  readonly begun: Promise<void>;

  constructor(key: string, asker: Asker, streams: DetachedStreams) {
    this.key = key;
    this.asker = asker;
    this.#streams = streams;
    this.begun = new Promise((resolve) => {
      this.#hasBegun = resolve;
    });
  }

  /** Whether elements are sent: a second message joins then. */
  get isRunning(): boolean {
    return this.#stream !== undefined;
  }

  /** Begins to send the elements. */
  start(iterable: AsyncIterable<unknown>, options: DetachedStreamOptions): void {
    const stream = new Stream(iterable, {
      ...options,
      failed: (fault) => {
        options.failed(fault);
        this.#end("error", fault, options);
      },
    });
    this.#options = options;
    this.#stream = stream;
    this.#hasBegun();
    this.#stopTimer = this.#streams.clock.after(options.timeout, () =>
      this.stop("timeout", `It did not end within ${options.timeout} ms`),
    );
    this.#streams.events.publish("detachedStarted", { key: this.key, ...this.asker });
    if (this.#early) {
      this.stop(this.#early.how, this.#early.reason);
      return;
    }
    void stream.run().then((isWhole) => {
      if (isWhole) this.#end("end", undefined, options);
      this.#streams.over(this);
    });
  }

  /** Ends it from here; it need not have begun. */
  stop(how: DetachedEnd, reason: string): void {
    const stream = this.#stream;
    const options = this.#options;
    if (!stream || !options) {
      // The key stays taken: the end of this one would be told in the midst of the next.
      this.#early ??= { how, reason };
      return;
    }
    const text = `The stream ${printable(this.key)} was ended: ${reason}`;
    const error = new MessageHandlingError(text, { publicMessage: reason });
    if (!this.#early) this.#streams.stopped(this);
    stream.stop(error);
    this.#end(how, error, options);
  }

  /** Its method has given no stream: the key is free. */
  release(): void {
    if (this.#stream) return;
    this.#streams.forget(this);
    this.#hasBegun();
  }

  #end(how: DetachedEnd, error: unknown, options: DetachedStreamOptions): void {
    // A listener of its beginning may have ended it already.
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stopTimer();
    this.#streams.forget(this);
    options.ended(how === "end" ? "end" : "error", publicTextOf(error));
    this.#streams.events.publish("detachedEnded", { key: this.key, ...this.asker, how, error });
  }
}

/** The streams of methods with `@Detached`, by their keys: they outlive the sessions that began them. */
export class DetachedStreams {
  readonly clock: Clock;
  readonly events: EventPublisher;
  readonly #limits: Required<DetachedStreamsOptions>;
  readonly #runs = new Map<string, DetachedRun>();
  readonly #ofOwner = new Map<string, number>();
  /** Those that were ended from here, and wait for something that has not come. */
  readonly #stopped = new Set<DetachedRun>();
  #whenIdle: (() => void)[] = [];

  constructor({ clock, detachedStreams, events }: DetachedStreamsContext) {
    this.clock = clock;
    this.events = events;
    this.#limits = detachedStreams;
  }

  get(key: string): DetachedRun | undefined {
    return this.#runs.get(key);
  }

  /** Takes a key that is free. @throws MessageHandlingError when there are too many streams */
  begin(key: string, { sessionId, user }: Asker): DetachedRun {
    const asker = { sessionId: ownText(sessionId), user };
    const owner = ownerOf(asker);
    const ofOwner = this.#ofOwner.get(owner) ?? 0;
    const { limit, limitPerUser } = this.#limits;
    if (ofOwner >= limitPerUser) throw tooMany(`A user has at most ${limitPerUser} detached streams`);
    if (this.#runs.size >= limit || this.#stopped.size >= STOPPED_LIMIT)
      throw tooMany("There are too many detached streams at present");

    const run = new DetachedRun(ownText(key), asker, this);
    this.#runs.set(run.key, run);
    this.#ofOwner.set(owner, ofOwner + 1);
    return run;
  }

  /** Ends the stream of a key: `false` when there is none. */
  abort(key: string, reason: string): boolean {
    const run = this.#runs.get(key);
    run?.stop("abort", reason);
    return run !== undefined;
  }

  /** Resolves when none is left. */
  idle(): Promise<void> {
    if (this.#runs.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenIdle.push(resolve));
  }

  /** Ends all. */
  close(): void {
    for (const run of [...this.#runs.values()]) run.stop("closing", "The server is shutting down");
  }

  forget(run: DetachedRun): void {
    if (this.#runs.get(run.key) !== run) return;
    this.#runs.delete(run.key);
    const owner = ownerOf(run.asker);
    const left = (this.#ofOwner.get(owner) ?? 1) - 1;
    if (left > 0) this.#ofOwner.set(owner, left);
    else this.#ofOwner.delete(owner);
    if (this.#runs.size > 0) return;
    for (const idle of this.#whenIdle.splice(0)) idle();
  }

  stopped(run: DetachedRun): void {
    this.#stopped.add(run);
  }

  /** Nothing of it goes on any more. */
  over(run: DetachedRun): void {
    this.#stopped.delete(run);
  }
}

function ownerOf({ sessionId, user }: Asker): string {
  return user ? `user ${user.name}` : `session ${sessionId}`;
}

function tooMany(publicMessage: string): MessageHandlingError {
  return new MessageHandlingError(publicMessage, { publicMessage });
}

function publicTextOf(fault: unknown): string | undefined {
  return fault instanceof MessagingError ? fault.publicMessage : undefined;
}
