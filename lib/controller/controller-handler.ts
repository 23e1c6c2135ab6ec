import { inspect } from "node:util";
import type { MessageHandler } from "../channel/channel.js";
import { DestinationIndex } from "../destination/destination-index.js";
import { combine, comparePatterns, type DestinationPattern, parsePattern } from "../destination/pattern.js";
import { ConfigurationError, MessageDeliveryError, MessageHandlingError, MessagingError } from "../errors.js";
import type { EventPublisher } from "../events.js";
import { type Logger, printable } from "../logger.js";
import type { Message } from "../message/message.js";
import { HandlerMethod, type ReplyChannels } from "./handler-method.js";
import { classNameOf, type MappedMethod, type MappingType, mappedMethods } from "./metadata.js";

export interface ControllerHandlerOptions extends ReplyChannels {
  /** Instances, as `resolveControllers` gives them. */
  readonly controllers: readonly object[];
  /** Destinations under these are looked up, without the prefix; when there is none, all are. */
  readonly applicationDestinationPrefixes: readonly string[];
  readonly events: EventPublisher;
  readonly logger: Logger;
}

interface Mapping {
  readonly pattern: DestinationPattern;
  readonly handler: HandlerMethod;
}

/**
 * Hands SEND and SUBSCRIBE to the controllers' methods: subscribed to
 * `clientInboundChannel`. Whose pattern is most specific gets the message; it
 * is handled when the method, and the sending of its reply, is done.
 *
 * Whatever a method throws is logged, announced as `controllerError`, and
 * thrown on as a `MessageHandlingError` with the fault as its cause.
 */
export class ControllerHandler implements MessageHandler {
  readonly name = "controllers";
  readonly #mappings = {
    MESSAGE: new DestinationIndex<Mapping>(),
    SUBSCRIBE: new DestinationIndex<Mapping>(),
  };
  readonly #prefixes: readonly string[];
  readonly #options: ControllerHandlerOptions;

  /** @throws ConfigurationError when a controller maps nothing, a mapping makes no sense, or two are the same */
  constructor(options: ControllerHandlerOptions) {
    this.#options = options;
    this.#prefixes = options.applicationDestinationPrefixes.map((prefix) =>
      prefix.endsWith("/") ? prefix : `${prefix}/`,
    );

    const taken = new Map<string, MappedMethod>();
    for (const controller of options.controllers) {
      const methods = mappedMethods(controller);
      if (methods.length === 0) {
        throw new ConfigurationError(
          `${classNameOf(controller)} maps nothing: put @MessageMapping or @SubscribeMapping above a method`,
        );
      }
      for (const method of methods) this.#add(method, taken);
    }
  }

  handle(message: Message): void | Promise<void> {
    const { messageType, destination } = message.headers;
    if ((messageType !== "MESSAGE" && messageType !== "SUBSCRIBE") || destination === undefined) return;

    const lookupDestination = this.#lookupDestination(destination);
    if (lookupDestination === undefined) return;
    // What a method has done cannot be taken back at ABORT, nor by a COMMIT that fails.
    if (message.headers.native.has("transaction") && this.#find(messageType, lookupDestination)) {
      const publicMessage = `${printable(destination)} cannot be part of a transaction: a controller handles it`;
      throw new MessageDeliveryError(publicMessage, { publicMessage });
    }

    let name = "controller";
    try {
      const mapping = this.#find(messageType, lookupDestination);
      if (!mapping) {
        this.#options.logger.debug(`no controller handles ${messageType} ${printable(destination)}`);
        return;
      }
      const { pattern, handler } = mapping;
      name = handler.name;
      const variables = pattern.match(lookupDestination) as ReadonlyMap<string, string>;
      const handled = handler.handle({ message, variables, lookupDestination });
      return handled?.catch((fault: unknown) => this.#failed(fault, message, name));
    } catch (fault) {
      this.#failed(fault, message, name);
    }
  }

  #add(method: MappedMethod, taken: Map<string, MappedMethod>): void {
    const patterns = patternsOf(method);
    const handler = new HandlerMethod(method, patterns, this.#options);
    for (const pattern of patterns) {
      const key = `${method.type} ${shapeOf(pattern)}`;
      const other = taken.get(key);
      if (other) {
        throw new ConfigurationError(
          `${method.type} ${pattern.text} is mapped twice: to ${other.name} and to ${method.name}`,
        );
      }
      taken.set(key, method);
      this.#mappings[method.type].add(pattern, { pattern, handler });
    }
  }

  /** The first prefix that fits counts. The rest keeps its leading slash. */
  #lookupDestination(destination: string): string | undefined {
    if (this.#prefixes.length === 0) return destination;

    const prefix = this.#prefixes.find((candidate) => destination.startsWith(candidate));
    return prefix === undefined ? undefined : destination.slice(prefix.length - 1);
  }

  #find(type: MappingType, lookupDestination: string): Mapping | undefined {
    let best: Mapping | undefined;
    let tied: Mapping | undefined;
    for (const mappings of this.#mappings[type].match(lookupDestination)) {
      for (const mapping of mappings) {
        const order = best ? comparePatterns(mapping.pattern, best.pattern) : -1;
        if (order < 0) tied = undefined;
        if (order < 0) best = mapping;
        else if (order === 0 && mapping.handler !== best?.handler) tied = mapping;
      }
    }
    if (best && tied) {
      throw new MessageHandlingError(
        `Ambiguous handler methods: ${best.handler.name} (${best.pattern.text}) and ` +
          `${tied.handler.name} (${tied.pattern.text})`,
      );
    }
    return best;
  }

  #failed(fault: unknown, message: Message, name: string): never {
    const { destination = "", sessionId = "" } = message.headers;
    const error = handlingError(fault, name);
    const where = `${name} failed on ${printable(destination)} of session ${printable(sessionId)}`;

    const { logger, events } = this.#options;
    // A client's own fault is no news, and its causes quote what the client wrote.
    if (error === fault && error.publicMessage !== undefined) {
      logger.warn(`${where}: ${printable(error.message)}`);
    } else {
      logger.error(where, fault);
    }
    events.publish("controllerError", { error, message });
    throw error;
  }
}

function patternsOf({ name, type, classPatterns, methodPatterns }: MappedMethod): DestinationPattern[] {
  const before = classPatterns.length > 0 ? classPatterns : [""];
  const after = methodPatterns.length > 0 ? methodPatterns : [""];
  const texts = new Set(before.flatMap((first) => after.map((second) => combine(first, second))));

  return [...texts].map((text) => {
    if (text === "") {
      const decorator = type === "MESSAGE" ? "@MessageMapping" : "@SubscribeMapping";
      throw new ConfigurationError(`${name} has no destination: name one in ${decorator} or above the class`);
    }
    try {
      return parsePattern(text, { regex: true });
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new ConfigurationError(`${name} is mapped to ${text}: ${reason}`, { cause });
    }
  });
}

/** The same for patterns that fit the same destinations because only the names of their variables differ. */
function shapeOf({ isPattern, text: exact, segments }: DestinationPattern): string {
  if (!isPattern) return exact;
  return segments
    .map(({ text, variables }) => variables.reduce((shape, name) => shape.replace(`{${name}`, "{"), text))
    .join("/");
}

function handlingError(fault: unknown, name: string): MessageHandlingError {
  if (fault instanceof MessageHandlingError) return fault;

  const { publicMessage, publicHeaders } = fault instanceof MessagingError ? fault : {};
  return new MessageHandlingError(`${name} failed: ${describe(fault)}`, {
    cause: fault,
    ...(publicMessage !== undefined && { publicMessage }),
    publicHeaders,
  });
}

/** Anything can be thrown, and some of it refuses to be looked at. */
function describe(fault: unknown): string {
  try {
    return fault instanceof Error ? String(fault.message) : inspect(fault);
  } catch {
    return "with something that cannot be printed";
  }
}
