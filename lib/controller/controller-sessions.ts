import type { Clock } from "../clock/clock.js";
import { inTime } from "../clock/deadline.js";
import { HandlerTimeoutError } from "../errors.js";
import { type Logger, printable } from "../logger.js";
import type { Message } from "../message/message.js";
import type { SessionEnd } from "../message/session-end.js";
import type { Container } from "./inversify.js";
import { SessionStreams, STREAM_LIMIT } from "./streams.js";

interface ControllerSessionsContext {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Milliseconds that `@preDestroy` may take; 0 is without end. */
  readonly handlerTimeout: number;
}

interface ControllerSessionContext extends ControllerSessionsContext {
  /** Hears of a stream, the newest of so many of one session that were cancelled and go on waiting. */
  manyStreamsWait(message: Message): void;
}

/** The part of each session that controllers have, from its CONNECT to its DISCONNECT. */
export class ControllerSessions {
  readonly #sessions = new Map<string, ControllerSession>();
  readonly #context: ControllerSessionContext;
  #warned = false;

  constructor(context: ControllerSessionsContext) {
    this.#context = { ...context, manyStreamsWait: (message) => this.#warn(message) };
  }

  of(sessionId: string): ControllerSession | undefined {
    return this.#sessions.get(sessionId);
  }

  open(sessionId: string): void {
    this.#make(sessionId).open();
  }

  /** A session has ended: its streams do, and what is of it alone is disposed of as soon as its last frames are handled. */
  end({ sessionId, handled }: SessionEnd): void {
    this.#make(sessionId).end(handled);
  }

  /** Forgets a session, and disposes of what it has. Never rejects. */
  close(sessionId: string): void | Promise<void> {
    const session = this.#sessions.get(sessionId);
    this.#sessions.delete(sessionId);
    return session?.close();
  }

  #make(sessionId: string): ControllerSession {
    let session = this.#sessions.get(sessionId);
    if (!session) {
      session = new ControllerSession(sessionId, this.#context);
      this.#sessions.set(sessionId, session);
    }
    return session;
  }

  #warn({ headers: { destination = "" } }: Message): void {
    if (this.#warned) return;

    this.#warned = true;
    this.#context.logger.warn(
      `${STREAM_LIMIT} streams of one session were cancelled and go on waiting, the last one of ${printable(destination)}: let its method wait with an AbortSignal that it takes as a parameter`,
    );
  }
}

/** All that controllers have of one session: its streams of replies, and what was made for it alone. */
export class ControllerSession {
  readonly #id: string;
  readonly #context: ControllerSessionContext;
  /** Whether controllers are made for it: from CONNECT until its last frames were handled. */
  #isOpen = false;
  #ended = false;
  #streams: SessionStreams | undefined;
  #container: Container | undefined;
  #disposed: Promise<void> | undefined;

  constructor(id: string, context: ControllerSessionContext) {
    this.#id = id;
    this.#context = context;
  }

  open(): void {
    this.#isOpen = true;
  }

  /** Its streams, which most sessions never have. */
  streams(): SessionStreams {
    if (!this.#streams) {
      this.#streams = new SessionStreams(this.#context.manyStreamsWait);
      if (this.#ended) this.#streams.end();
    }
    return this.#streams;
  }

  unsubscribe(subscriptionId: string): void {
    this.#streams?.unsubscribe(subscriptionId);
  }

  /** Where things are made for it alone; `undefined` if none may be made. */
  container(make: () => Container): Container | undefined {
    if (this.#isOpen) this.#container ??= make();
    return this.#container;
  }

  end(handled: Promise<void> | undefined): void {
    this.#endStreams();
    if (handled) void handled.then(() => this.#dispose());
    else void this.#dispose();
  }

  /** Never rejects. */
  close(): void | Promise<void> {
    this.#endStreams();
    return this.#dispose();
  }

  #endStreams(): void {
    this.#ended = true;
    this.#streams?.end();
  }

  #dispose(): void | Promise<void> {
    const container = this.#container;
    this.#container = undefined;
    this.#isOpen = false;
    if (!container) return this.#disposed;

    const { clock, handlerTimeout, logger } = this.#context;
    const failed = (fault: unknown) =>
      logger.error(`The objects of session ${this.#id} were not disposed of`, fault);
    this.#disposed = inTime(disposeOf(container), {
      clock,
      milliseconds: handlerTimeout,
      passed: () => new HandlerTimeoutError(`@preDestroy did not settle within ${handlerTimeout} ms`),
      late: failed,
    }).catch(failed);
    return this.#disposed;
  }
}

/** Calls `@preDestroy` of all that a container has made. In inversify 7 the method without Async gives the promise. */
async function disposeOf(container: Container): Promise<void> {
  if ("unbindAllAsync" in container) await container.unbindAllAsync();
  else await (container as { unbindAll(): Promise<void> }).unbindAll();
}
