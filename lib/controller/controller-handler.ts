import type { DestinationHeaders, MessageHandler } from "../channel/message-handler.js";
import type { DestinationPattern } from "../destination/pattern.js";
import { ConfigurationError, HandlerTimeoutError, lookable, refusal } from "../errors.js";
import type { EventPublisher } from "../events.js";
import { type Logger, printable } from "../logger.js";
import type { Message, MessageHeaders } from "../message/message.js";
import type { SessionEnd } from "../message/session-end.js";
import type { Observer } from "../observe/observer.js";
import type { ControllerStats } from "../observe/stats.js";
import type { Authorization } from "../security/authorization.js";
import { isAdvice } from "./class-decorators.js";
import type { ControllerContract } from "./contract.js";
import { ControllerFaults } from "./controller-faults.js";
import { ControllerSessions } from "./controller-sessions.js";
import type { ControllerSource } from "./controller-source.js";
import { describeMethod, type MethodDescription } from "./description.js";
import { DetachedStreams, type DetachedStreamsContext } from "./detached-streams.js";
import { ExceptionHandlers } from "./exception-handlers.js";
import { checkVariables, HandlerMethod, type HandlerMethodContext } from "./handler-method.js";
import type { Invocation } from "./invocation.js";
import { type Mapping, Mappings, type MappingsOptions } from "./mappings.js";
import { annotatedMethods, type ExceptionMethod, type MappedMethod, type MappingType } from "./metadata.js";
import { checkReplies, type ReplyPlaces } from "./reply-check.js";

export interface ControllerHandlerOptions
  extends MappingsOptions,
    DetachedStreamsContext,
    Omit<HandlerMethodContext, "controllerSessions" | "detached"> {
  /** The destination of clients' answers to questions, which is no method's, whatever pattern that has. */
  readonly answers?: string | undefined;
  /** As `resolveControllers` gives them; advices among them. */
  readonly controllers: readonly ControllerSource[];
  readonly contract?: ControllerContract | undefined;
  readonly events: EventPublisher;
  readonly logger: Logger;
  /** Default: nobody looks. */
  readonly observer?: Observer;
}

/** A method as a message would meet it. */
export interface GuardedMapping {
  /** `Class.method`. */
  readonly method: string;
  readonly authorization: Authorization | undefined;
  readonly variables: ReadonlyMap<string, string>;
}

/** A message and what it matched, as far as it is known before a method is called. */
interface Matched extends Omit<Invocation, "abort"> {
  /** The call as it is observed, if it is. */
  readonly call?: { error: unknown } | undefined;
}

/**
 * Hands SEND and SUBSCRIBE to the controllers' methods: subscribed to
 * `clientInboundChannel`. The method with the most specific pattern gets the message; it
 * is handled when the method, and the sending of its reply, is done.
 * A fault of a method goes to `ControllerFaults`.
 */
export class ControllerHandler implements MessageHandler {
  readonly name = "controllers";
  readonly #mappings: Mappings;
  readonly #faults: ControllerFaults;
  readonly #methods: (MappedMethod | ExceptionMethod)[] = [];
  readonly #options: ControllerHandlerOptions;
  readonly #context: HandlerMethodContext;
  readonly #sessions: ControllerSessions;
  /** The streams that outlive their sessions. */
  readonly detached: DetachedStreams;
  /** The methods with `@Detached`, by their keys as they are written. */
  readonly #keys = new Map<string, string>();
  #calls = 0;
  #failures = 0;
  #timeouts = 0;
  #working = 0;

  /** @throws ConfigurationError when a controller maps nothing, a mapping makes no sense, two methods have an equal right, or they differ from the contract */
  constructor(options: ControllerHandlerOptions) {
    this.#options = options;
    this.#sessions = new ControllerSessions(options);
    this.detached = new DetachedStreams(options);
    this.#context = { ...options, controllerSessions: this.#sessions, detached: this.detached };
    this.#mappings = new Mappings(options);
    this.#faults = new ControllerFaults(options);
    for (const controller of options.controllers) this.#addController(controller);
    this.#mappings.check();
    options.contract?.check(
      this.#methods.map((method) => ({ method, patterns: this.#patternsOf(method).map(({ text }) => text) })),
    );
  }

  /** @throws ConfigurationError when a method's decorators send replies where nobody could hear them */
  checkReplies(places: ReplyPlaces): void {
    for (const method of this.#methods) checkReplies(method, places);
  }

  /** Tells which messages each method gets, and where its answers go. */
  describe(): readonly MethodDescription[] {
    return this.#methods.map((method) => {
      const patterns = this.#patternsOf(method).map(({ text }) => text);
      return describeMethod(method, patterns, { ...this.#options, tools: this.#contextOf(method, patterns) });
    });
  }

  get stats(): ControllerStats {
    return {
      calls: this.#calls,
      failures: this.#failures,
      timeouts: this.#timeouts,
      working: this.#working,
    };
  }

  /** The method that a client's message would go to, and its `@Authorize`; `undefined` when there is none, or two have an equal right. */
  methodFor({ messageType, destination }: MessageHeaders): GuardedMapping | undefined {
    if ((messageType !== "MESSAGE" && messageType !== "SUBSCRIBE") || destination === undefined)
      return undefined;
    const lookup = this.#mappings.destinations.lookup(destination);
    if (lookup === undefined) return undefined;
    try {
      const mapping = this.#mappings.find(messageType, lookup);
      const variables = mapping?.pattern.match(lookup);
      return (
        variables && { method: mapping!.handler.name, authorization: mapping!.handler.authorize, variables }
      );
    } catch {
      return undefined;
    }
  }

  /** Whether a method is mapped to a destination, for SEND or for SUBSCRIBE. */
  isMapped(destination: string): boolean {
    return this.#mappings.has(destination);
  }

  serves({ messageType, destination }: DestinationHeaders): boolean {
    const isMappable = messageType === "MESSAGE" || messageType === "SUBSCRIBE";
    return isMappable && destination !== undefined && this.#mappings.has(destination, messageType);
  }

  handle(message: Message): void | Promise<void> {
    const { messageType, sessionId = "", subscriptionId = "" } = message.headers;
    switch (messageType) {
      case "CONNECT":
        return this.#sessions.open(sessionId);
      case "MESSAGE":
      case "SUBSCRIBE":
        return this.#dispatch(messageType, message);
      case "UNSUBSCRIBE":
        return this.#sessions.of(sessionId)?.unsubscribe(subscriptionId);
      case "DISCONNECT":
        return this.#sessions.close(sessionId);
      case "CONNECT_ACK":
      case "OTHER":
        return;
    }
  }

  sessionEnded(end: SessionEnd): void {
    this.#sessions.end(end);
  }

  #dispatch(type: MappingType, message: Message): void | Promise<void> {
    const { destination } = message.headers;
    if (destination === undefined || destination === this.#options.answers) return;

    const lookupDestination = this.#mappings.destinations.lookup(destination);
    if (lookupDestination === undefined) return;
    const mapping = this.#find(type, lookupDestination, message);
    if (!mapping) {
      this.#options.logger.debug(`no controller handles ${type} ${printable(destination)}`);
      return;
    }
    // The work of a method cannot be taken back at ABORT, nor by a COMMIT that fails.
    if (message.headers.native.has("transaction")) {
      throw refusal(`${printable(destination)} cannot be part of a transaction: a controller handles it`);
    }

    const variables = mapping.pattern.match(lookupDestination) as ReadonlyMap<string, string>;
    const { observer } = this.#options;
    if (!observer?.watchesCalls) return this.#call(mapping, { message, variables, lookupDestination });

    const call = {
      message,
      type,
      pattern: prefixOf(destination, lookupDestination) + mapping.pattern.text,
      method: mapping.handler.name,
      error: undefined,
    };
    const matched: Matched = { message, variables, lookupDestination, call };
    return observer.handle(call, () => this.#call(mapping, matched));
  }

  #call(mapping: Mapping, matched: Matched): void | Promise<void> {
    this.#calls++;
    try {
      const handled = mapping.handler.handle(matched, (fault) => this.#streamFailed(fault, mapping, matched));
      if (!handled) return;
      this.#working++;
      return handled.then(
        () => void this.#working--,
        (fault: unknown) => {
          this.#working--;
          return this.#failed(fault, mapping, matched);
        },
      );
    } catch (fault) {
      return this.#failed(fault, mapping, matched);
    }
  }

  #addController(controller: ControllerSource): void {
    const methods = annotatedMethods(controller);
    this.#methods.push(...methods);
    for (const { name, overruled } of methods) {
      if (!overruled) continue;
      this.#options.logger.warn(
        `${name} has ${overruled}() without a destination, and its class names one: replies go there only, as in Spring. ` +
          `Write ${overruled}("/…") if they shall not`,
      );
    }
    const mapped = methods.filter((method) => method.type !== "EXCEPTION");
    const exceptionHandlers = new ExceptionHandlers(
      methods.filter((method): method is ExceptionMethod => method.type === "EXCEPTION"),
      this.#context,
    );
    if (isAdvice(controller.exemplar.constructor)) {
      if (mapped.length > 0) {
        throw new ConfigurationError(`${mapped[0]?.name} is mapped, and an advice only handles exceptions`);
      }
      if (methods.length === 0) {
        throw new ConfigurationError(`${controller.name} has no method with @MessageExceptionHandler`);
      }
      this.#faults.addAdvice(exceptionHandlers);
      return;
    }
    if (mapped.length === 0) {
      throw new ConfigurationError(
        `${controller.name} maps nothing: put @MessageMapping or @SubscribeMapping above a method`,
      );
    }
    for (const method of mapped) this.#add(method, exceptionHandlers);
  }

  #add(method: MappedMethod, exceptionHandlers: ExceptionHandlers): void {
    const patterns = this.#mappings.patternsOf(method);
    checkVariables(method, patterns);
    this.#checkKey(method);
    const context = this.#contextOf(
      method,
      patterns.map(({ text }) => text),
    );
    const handler = new HandlerMethod(method, context);
    for (const pattern of patterns) this.#mappings.add(method, { pattern, handler, exceptionHandlers });
  }

  /** The contract's schema is the method's, if there is one. */
  #contextOf(method: MappedMethod | ExceptionMethod, patterns: readonly string[]): HandlerMethodContext {
    const payloadSchema = this.#options.contract?.payloadSchema({ method, patterns });
    return payloadSchema ? { ...this.#context, payloadSchema } : this.#context;
  }

  /** A key is of the whole server: `messaging.abort` knows nothing of methods. */
  #checkKey({ name, detached }: MappedMethod): void {
    if (!detached) return;
    const { key } = detached;
    const other = this.#keys.get(key);
    if (other !== undefined)
      throw new ConfigurationError(`${other} and ${name} have @Detached with the same key: ${key}`);
    this.#keys.set(key, name);
  }

  #patternsOf(method: MappedMethod | ExceptionMethod): readonly DestinationPattern[] {
    return method.type === "EXCEPTION" ? [] : this.#mappings.patternsOf(method);
  }

  #find(type: MappingType, lookupDestination: string, message: Message): Mapping | undefined {
    try {
      return this.#mappings.find(type, lookupDestination);
    } catch (fault) {
      return this.#faults.unhandled(fault, message, "controller");
    }
  }

  #failed(thrown: unknown, mapping: Mapping, matched: Matched): void | Promise<void> {
    const fault = lookable(thrown);
    this.#failures++;
    if (matched.call) matched.call.error = fault;
    if (fault instanceof HandlerTimeoutError) this.#timeouts++;
    return this.#faults.handle(fault, mapping, matched);
  }

  /** Takes the fault of a stream, whose end nobody waits for. */
  #streamFailed(fault: unknown, mapping: Mapping, matched: Matched): void {
    try {
      this.#failed(fault, mapping, matched)?.catch(() => {});
    } catch {
      // It was logged and announced.
    }
  }
}

/** The part of a destination before what is looked up. */
function prefixOf(destination: string, lookupDestination: string): string {
  return destination.endsWith(lookupDestination) ? destination.slice(0, -lookupDestination.length) : "";
}
