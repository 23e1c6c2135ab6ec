import type { Clock } from "../clock/clock.js";
import { MessageHandlingError, MessagingError } from "../errors.js";
import { printable } from "../logger.js";
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
  readonly owner: string;
  readonly #streams: DetachedStreams;
  #options: DetachedStreamOptions | undefined;
  #stream: Stream | undefined;
  /** Why it was ended before it began. */
  #reason: string | undefined;
  #stopTimer = () => {};
  #hasBegun = () => {};
  /** Settles when the stream has begun, or will not. */
  readonly begun: Promise<void>;

  constructor(key: string, owner: string, streams: DetachedStreams) {
    this.key = key;
    this.owner = owner;
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
        this.#end("error", options, publicTextOf(fault));
      },
    });
    this.#options = options;
    this.#stream = stream;
    this.#hasBegun();
    if (this.#reason !== undefined) {
      this.stop(this.#reason);
      return;
    }
    this.#stopTimer = this.#streams.clock.after(options.timeout, () =>
      this.stop(`It did not end within ${options.timeout} ms`),
    );
    void stream.run().then((isWhole) => {
      if (isWhole) this.#end("end", options);
      this.#streams.over(this);
    });
  }

  /** Ends it from here; it need not have begun. */
  stop(publicText: string): void {
    const stream = this.#stream;
    const options = this.#options;
    if (!stream || !options) {
      // The key stays taken: the end of this one would be told in the midst of the next.
      this.#reason ??= publicText;
      return;
    }
    const error = new MessageHandlingError(`The stream ${printable(this.key)} was ended: ${publicText}`);
    if (this.#reason === undefined) this.#streams.stopped(this);
    stream.stop(error);
    this.#end("error", options, publicText);
  }

  /** Its method has given no stream: the key is free. */
  release(): void {
    if (this.#stream) return;
    this.#streams.forget(this);
    this.#hasBegun();
  }

  #end(how: "end" | "error", options: DetachedStreamOptions, publicText?: string): void {
    this.#stopTimer();
    this.#streams.forget(this);
    options.ended(how, publicText);
  }
}

/** The streams of methods with `@Detached`, by their keys: they outlive the sessions that began them. */
export class DetachedStreams {
  readonly clock: Clock;
  readonly #limits: Required<DetachedStreamsOptions>;
  readonly #runs = new Map<string, DetachedRun>();
  readonly #ofOwner = new Map<string, number>();
  /** Those that were ended from here, and wait for something that has not come. */
  readonly #stopped = new Set<DetachedRun>();
  #whenIdle: (() => void)[] = [];

  constructor({ clock, detachedStreams }: DetachedStreamsContext) {
    this.clock = clock;
    this.#limits = detachedStreams;
  }

  get(key: string): DetachedRun | undefined {
    return this.#runs.get(key);
  }

  /** Takes a key that is free. @throws MessageHandlingError when there are too many streams */
  begin(key: string, owner: string): DetachedRun {
    const ofOwner = this.#ofOwner.get(owner) ?? 0;
    const { limit, limitPerUser } = this.#limits;
    if (ofOwner >= limitPerUser) throw tooMany(`A user has at most ${limitPerUser} detached streams`);
    if (this.#runs.size >= limit || this.#stopped.size >= STOPPED_LIMIT)
      throw tooMany("There are too many detached streams at present");

    const run = new DetachedRun(ownText(key), ownText(owner), this);
    this.#runs.set(run.key, run);
    this.#ofOwner.set(run.owner, ofOwner + 1);
    return run;
  }

  /** Ends the stream of a key: `false` when there is none. */
  abort(key: string, reason: string): boolean {
    const run = this.#runs.get(key);
    run?.stop(reason);
    return run !== undefined;
  }

  /** Resolves when none is left. */
  idle(): Promise<void> {
    if (this.#runs.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenIdle.push(resolve));
  }

  /** Ends all. */
  close(): void {
    for (const run of [...this.#runs.values()]) run.stop("The server is shutting down");
  }

  forget(run: DetachedRun): void {
    if (this.#runs.get(run.key) !== run) return;
    this.#runs.delete(run.key);
    const left = (this.#ofOwner.get(run.owner) ?? 1) - 1;
    if (left > 0) this.#ofOwner.set(run.owner, left);
    else this.#ofOwner.delete(run.owner);
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

function tooMany(publicMessage: string): MessageHandlingError {
  return new MessageHandlingError(publicMessage, { publicMessage });
}

function publicTextOf(fault: unknown): string | undefined {
  return fault instanceof MessagingError ? fault.publicMessage : undefined;
}
