import { faultText, MessageHandlingError, MessagingError } from "../errors.js";
import type { EventPublisher } from "../events.js";
import { type Logger, printable } from "../logger.js";
import type { Message } from "../message/message.js";
import type { AccessControl } from "../security/access-control.js";
import type { ExceptionHandlers, ExceptionMatch } from "./exception-handlers.js";
import type { Invocation } from "./invocation.js";
import type { Mapping } from "./mappings.js";

export interface ControllerFaultsOptions {
  readonly access: Pick<AccessControl, "isDenial" | "refuse">;
  readonly events: EventPublisher;
  readonly logger: Logger;
}

/**
 * Decides what becomes of what methods throw: it goes to the exception handlers of the method's controller, then of the
 * advices in their order. An error that none of them takes is logged, announced as `controllerError`, and thrown on as
 * a `MessageHandlingError` with the fault as its cause; a denial costs what the option `onDenied` says.
 */
export class ControllerFaults {
  readonly #options: ControllerFaultsOptions;
  readonly #advices: ExceptionHandlers[] = [];

  constructor(options: ControllerFaultsOptions) {
    this.#options = options;
  }

  addAdvice(handlers: ExceptionHandlers): void {
    this.#advices.push(handlers);
  }

  /** @throws MessageHandlingError, or rejects with it, when no exception handler takes the fault, or the one that does fails */
  handle(fault: unknown, mapping: Mapping, matched: Omit<Invocation, "abort">): void | Promise<void> {
    const { access, logger } = this.#options;
    const { message } = matched;
    const taken = this.#exceptionHandler(fault, mapping);
    if (!taken && access.isDenial(fault)) return access.refuse(message, fault);
    if (!taken) return this.unhandled(fault, message, mapping.handler.name);

    const { handler, exception } = taken;
    logger.debug(`${handler.name} takes what ${mapping.handler.name} threw`, fault);
    const failedToo = (second: unknown) => {
      logger.error(`${handler.name} failed`, second);
      this.unhandled(fault, message, mapping.handler.name);
    };
    try {
      return handler.handle({ ...matched, exception }, failedToo)?.catch(failedToo);
    } catch (second) {
      failedToo(second);
    }
  }

  /**
   * Logs and announces a fault that no exception handler has taken.
   *
   * @throws MessageHandlingError always
   */
  unhandled(fault: unknown, message: Message, name: string): never {
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

  #exceptionHandler(fault: unknown, { exceptionHandlers }: Mapping): ExceptionMatch | undefined {
    for (const handlers of [exceptionHandlers, ...this.#advices]) {
      const match = handlers.find(fault);
      if (match) return match;
    }
    return undefined;
  }
}

function handlingError(fault: unknown, name: string): MessageHandlingError {
  if (fault instanceof MessageHandlingError) return fault;

  const { publicMessage, publicHeaders, retry } = fault instanceof MessagingError ? fault : {};
  return new MessageHandlingError(`${name} failed: ${faultText(fault)}`, {
    cause: fault,
    ...(publicMessage !== undefined && { publicMessage }),
    publicHeaders,
    retry,
  });
}
