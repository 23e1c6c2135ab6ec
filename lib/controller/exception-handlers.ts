import { ConfigurationError } from "../errors.js";
import { isErrorClass } from "./arguments.js";
import { HandlerMethod, type HandlerMethodContext } from "./handler-method.js";
import type { ExceptionMethod, ExceptionType } from "./metadata.js";

/** The handler that takes an error, and the error or the cause that it takes. */
export interface ExceptionMatch {
  readonly handler: HandlerMethod;
  readonly exception: unknown;
}

/** The methods of one class that take what others throw. */
export class ExceptionHandlers {
  /** By the prototype of what they take; `undefined` takes what is left. */
  readonly #handlers = new Map<object | undefined, HandlerMethod>();

  /** @throws ConfigurationError when two take the same, or one's parameter cannot hold what it takes */
  constructor(methods: readonly ExceptionMethod[], context: HandlerMethodContext) {
    for (const method of methods) {
      const handler = new HandlerMethod(method, context);
      const types = typesOf(method);
      for (const type of types.length > 0 ? types : [undefined]) {
        const prototype = type?.prototype as object | undefined;
        const other = this.#handlers.get(prototype);
        if (other) {
          const what = type ? type.name : "whatever nobody else takes";
          throw new ConfigurationError(`Both ${other.name} and ${method.name} take ${what}`);
        }
        this.#handlers.set(prototype, handler);
      }
    }
  }

  /** The handler of the closest type of an error, or else of its direct cause, or else of everything. */
  find(exception: unknown): ExceptionMatch | undefined {
    const handler = this.#closest(exception);
    if (handler) return { handler, exception };

    const cause = exception instanceof Error ? exception.cause : undefined;
    const ofCause = this.#closest(cause);
    if (ofCause) return { handler: ofCause, exception: cause };

    const ofAll = this.#handlers.get(undefined);
    return ofAll && { handler: ofAll, exception };
  }

  #closest(exception: unknown): HandlerMethod | undefined {
    let link: unknown = exception;
    while (typeof link === "object" && link !== null) {
      link = Reflect.getPrototypeOf(link);
      const handler = link ? this.#handlers.get(link) : undefined;
      if (handler) return handler;
    }
    return undefined;
  }
}

/** The classes of errors that a handler names, or else that of its parameter. @throws ConfigurationError when a parameter cannot hold what it takes */
export function typesOf({ name, exceptionTypes, parameters }: ExceptionMethod): readonly ExceptionType[] {
  const wanted = parameters.flatMap(({ note, type }) =>
    (note === undefined || note.kind === "exception") && isErrorClass(type) ? [type] : [],
  );
  if (exceptionTypes.length === 0) return wanted.slice(0, 1);

  for (const type of exceptionTypes) {
    const narrower = wanted.find((other) => other !== type && !(type.prototype instanceof other));
    if (narrower) {
      throw new ConfigurationError(`${name} takes ${type.name}, and its parameter is a ${narrower.name}`);
    }
  }
  return exceptionTypes;
}
