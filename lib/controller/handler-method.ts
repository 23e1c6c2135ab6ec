import { withSendings } from "../channel/started-sendings.js";
import type { Clock } from "../clock/clock.js";
import { inTime } from "../clock/deadline.js";
import type { DestinationPattern } from "../destination/pattern.js";
import {
  ConfigurationError,
  classNameOf,
  HandlerTimeoutError,
  ignoreRejection,
  MessageHandlingError,
} from "../errors.js";
import type { EventPublisher } from "../events.js";
import type { Logger } from "../logger.js";
import type { PayloadTarget } from "../message/converter.js";
import { isPromise } from "../promise.js";
import type { AccessControl } from "../security/access-control.js";
import type { Authorization } from "../security/authorization.js";
import { type ArgumentTools, argumentsOf } from "./arguments.js";
import type { ControllerSessions } from "./controller-sessions.js";
import type { DetachedRun, DetachedStreams } from "./detached-streams.js";
import type { HandlerMethodReturnValueHandler, MethodParameter } from "./extensions.js";
import type { Argument, Invocation } from "./invocation.js";
import { LazyAbort } from "./lazy-abort.js";
import type { ExceptionMethod, MappedMethod } from "./metadata.js";
import { filledIn, placeholdersOf, type ReplyChannels, reply, replyEnd } from "./reply.js";
import { isAsyncIterable } from "./stream.js";

/** The tools that methods take their arguments with, and answer through. */
export interface HandlerMethodContext extends ReplyChannels, ArgumentTools {
  readonly returnValueHandlers: readonly HandlerMethodReturnValueHandler[];
  /** Milliseconds a method has until its promise settles; 0 is without end. */
  readonly handlerTimeout: number;
  readonly clock: Clock;
  readonly controllerSessions: ControllerSessions;
  readonly detached: DetachedStreams;
  readonly sessions: ReplyChannels["sessions"] & {
    /** Gives what to wait for before a session is sent more; `undefined` if it has room, or is not there. */
    room(sessionId: string): Promise<void> | undefined;
  };
  readonly access: AccessControl;
  readonly events: EventPublisher;
  readonly logger: Logger;
}

/** A call of a method. */
interface Call extends Invocation {
  /** Of `@Detached`: the stream that it has begun to make. */
  run?: DetachedRun;
}

/** The stand-in for a result where a stream runs already. */
const JOINED = Symbol("joined");

/** One method of a controller: takes its arguments from a message, and sends on what it returns. */
export class HandlerMethod {
  readonly name: string;
  readonly #method: MappedMethod | ExceptionMethod;
  readonly #arguments: readonly Argument[];
  readonly #context: HandlerMethodContext;

  /** @throws ConfigurationError when arguments cannot be found */
  constructor(method: MappedMethod | ExceptionMethod, context: HandlerMethodContext) {
    this.name = method.name;
    this.#method = method;
    this.#arguments = argumentsOf(method, context);
    this.#context = context;
  }

  /**
   * Is done when the reply was sent, or a stream of replies has begun, and all
   * was sent that the method started to send. Throws, or rejects with, whatever
   * the method does; else what failed of that, and the method did not take.
   *
   * @param streamFailed hears of a fault of a stream
   */
  handle(given: Omit<Invocation, "abort">, streamFailed: (fault: unknown) => void): void | Promise<void> {
    const invocation: Call = { ...given, abort: new LazyAbort((fault) => this.#abortFailed(fault)) };
    if (this.#detached) return this.#handleDetached(invocation, streamFailed);
    return this.#handle(invocation, streamFailed);
  }

  /** The condition of `@Authorize`; `undefined` without one. */
  get authorize(): Authorization | undefined {
    return this.#method.type === "EXCEPTION" ? undefined : this.#method.authorize;
  }

  get #detached(): MappedMethod["detached"] {
    return this.#method.type === "EXCEPTION" ? undefined : this.#method.detached;
  }

  /** The key is free again unless a stream has begun. */
  #handleDetached(call: Call, streamFailed: (fault: unknown) => void): void | Promise<void> {
    try {
      const handled = this.#handle(call, streamFailed);
      if (handled) return handled.finally(() => call.run?.release());
    } catch (fault) {
      call.run?.release();
      throw fault;
    }
    call.run?.release();
  }

  #handle(invocation: Call, streamFailed: (fault: unknown) => void): void | Promise<void> {
    return withSendings({
      task: () => this.#call(invocation),
      done: (result) => this.#returned(result, invocation, streamFailed),
      inTime: (waiting) => this.#inTime(waiting, invocation),
    });
  }

  #abortFailed(fault: unknown): void {
    this.#context.logger.error(`${this.name}: a listener of its AbortSignal failed`, fault);
  }

  #call(invocation: Call): unknown {
    const { message, variables } = invocation;
    const { authorize } = this;
    const allowed = authorize && this.#context.access.guard(authorize, message, variables);
    return allowed
      ? this.#after(allowed, invocation, () => this.#invoke(invocation))
      : this.#invoke(invocation);
  }

  #invoke(invocation: Call): unknown {
    const note = this.#detached;
    if (note) {
      const { detached } = this.#context;
      const { user, sessionId = "" } = invocation.message.headers;
      const key = filledIn(note.key, invocation.variables);
      const known = detached.get(key);
      if (known?.isRunning) return JOINED;
      // The first is being called: it may come to nothing.
      if (known) return this.#after(known.begun, invocation, () => this.#invoke(invocation));
      invocation.run = detached.begin(key, { sessionId, user });
    }
    const args = argumentValues(this.#arguments, invocation);
    return isPromise(args)
      ? this.#after(args, invocation, (values) => this.#run(values, invocation))
      : this.#run(args, invocation);
  }

  /** Goes on when what was waited for is there; not if the session was ended meanwhile. */
  #after<T>(waited: Promise<T>, { message }: Invocation, next: (value: T) => unknown): Promise<unknown> {
    const { access } = this.#context;
    return waited.then(
      (value) => (access.isOver(message) ? undefined : next(value)),
      (error: unknown) => {
        if (!access.isOver(message)) throw error;
      },
    );
  }

  /** Not when time has passed while something was waited for: the client was told that it failed. */
  #run(args: unknown[], { message, abort }: Invocation): unknown {
    abort.check();
    return this.#method.invoke(args, message, this.#context.controllerSessions);
  }

  #inTime<T>(value: PromiseLike<T>, { abort }: Invocation): Promise<T> {
    const { clock, handlerTimeout, logger } = this.#context;
    return inTime(value, {
      clock,
      milliseconds: handlerTimeout,
      passed: () => {
        const error = new HandlerTimeoutError(`${this.name} did not settle within ${handlerTimeout} ms`);
        abort.now(error);
        return error;
      },
      late: (fault) => logger.warn(`${this.name} failed after its handlerTimeout`, fault),
    });
  }

  #returned(value: unknown, invocation: Call, streamFailed: (fault: unknown) => void): void | Promise<void> {
    if (value === JOINED) return;
    const { message } = invocation;
    this.#context.events.publish("controllerResult", { method: this.name, result: value, message });
    if (!isAsyncIterable(value) || this.#handlerOf(value)) return this.#answer(value, invocation);

    const { run } = invocation;
    if (run) {
      run.start(value, {
        timeout: this.#detached?.timeout ?? 0,
        room: () => undefined,
        send: (element) => this.#answer(element, invocation),
        failed: streamFailed,
        abort: (reason) => invocation.abort.now(reason),
        ended: (how, text) => void this.#endDetached(how, text, invocation),
      });
      return;
    }

    const { controllerSessions, sessions } = this.#context;
    const { sessionId = "" } = invocation.message.headers;
    const session = controllerSessions.of(sessionId);
    if (!session) throw new MessageHandlingError("A stream needs a session that is connected");
    session.streams().run(value, invocation.message, {
      room: () => (this.#answersAsker ? sessions.room(sessionId) : undefined),
      send: (element) => this.#answer(element, invocation),
      failed: streamFailed,
      abort: () => invocation.abort.now(),
    });
  }

  /** Never rejects. */
  async #endDetached(how: "end" | "error", text: string | undefined, invocation: Invocation): Promise<void> {
    try {
      await replyEnd(how, text, this.#method as MappedMethod, invocation, this.#context);
    } catch (fault) {
      this.#context.logger.error(`The end of a stream of ${this.name} could not be told`, fault);
    }
  }

  /** Whether it is the asking session that gets the replies. */
  get #answersAsker(): boolean {
    const { type, sendTo, sendToUser } = this.#method;
    return sendToUser !== undefined || (type === "SUBSCRIBE" && !sendTo);
  }

  #answer(value: unknown, invocation: Invocation): void | Promise<void> {
    if (value === undefined || value === null) return;

    const handler = this.#handlerOf(value);
    return handler
      ? withSendings({
          task: () => handler.handleReturnValue(value, this.#returnType(value), invocation.message),
          done: () => {},
        })
      : reply(value, this.#method, invocation, this.#context);
  }

  #handlerOf(value: unknown): HandlerMethodReturnValueHandler | undefined {
    const { type, sendTo, sendToUser } = this.#method;
    const handlers = this.#context.returnValueHandlers;
    if (handlers.length === 0 || type === "SUBSCRIBE" || sendTo || sendToUser) return undefined;

    const returnType = this.#returnType(value);
    return handlers.find((handler) => {
      const supports: unknown = handler.supportsReturnType(returnType);
      if (!isPromise(supports)) return supports;
      ignoreRejection(supports);
      throw new MessageHandlingError(`supportsReturnType of ${classNameOf(handler)} must not be async`);
    });
  }

  #returnType(value: unknown): MethodParameter {
    const { controllerClass, key } = this.#method;
    const type = (Object(value) as object).constructor as PayloadTarget;
    return { controllerClass, method: key, index: -1, type };
  }
}

/** One after the other, and synchronous for as long as they are; none is read behind one that fails. */
function argumentValues(
  args: readonly Argument[],
  invocation: Invocation,
  values: unknown[] = [],
): unknown[] | Promise<unknown[]> {
  for (let i = values.length; i < args.length; i++) {
    const value = (args[i] as Argument)(invocation);
    if (isPromise(value)) {
      return Promise.resolve(value).then((result) => argumentValues(args, invocation, [...values, result]));
    }
    values.push(value);
  }
  return values;
}

/** @throws ConfigurationError when a method asks for a variable that one of its patterns lacks */
export function checkVariables(method: MappedMethod, patterns: readonly DestinationPattern[]): void {
  const wanted = [
    ...method.parameters.flatMap(({ note }) => (note?.kind === "destinationVariable" ? note.name : [])),
    ...placeholdersOf(method),
  ];
  for (const { text, segments } of patterns) {
    const known = segments.flatMap((segment) => segment.variables);
    const missing = wanted.find((variable) => !known.includes(variable));
    if (missing !== undefined) {
      throw new ConfigurationError(
        `${method.name} wants {${missing}}, which its mapping to ${text} does not have`,
      );
    }
  }
}
