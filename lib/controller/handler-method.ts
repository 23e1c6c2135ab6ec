import { isPromise } from "../channel/channel.js";
import type { DestinationPattern } from "../destination/pattern.js";
import { ConfigurationError } from "../errors.js";
import { type Argument, argumentsOf, type Invocation } from "./arguments.js";
import type { ExceptionMethod, MappedMethod } from "./metadata.js";
import type { PayloadTools } from "./payload-argument.js";
import { placeholdersOf, type ReplyChannels, reply } from "./reply.js";

/** What methods take their arguments with, and reply through. */
export interface HandlerMethodContext extends ReplyChannels, PayloadTools {}

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

  /** Is done when the reply was sent. Throws, or rejects with, whatever the method does. */
  handle(invocation: Invocation): void | Promise<void> {
    const value = this.#call(invocation);
    return isPromise(value)
      ? Promise.resolve(value).then((result) => this.#reply(result, invocation))
      : this.#reply(value, invocation);
  }

  #call(invocation: Invocation): unknown {
    const { message } = invocation;
    const args = argumentValues(this.#arguments, invocation);
    return isPromise(args)
      ? args.then((values) => this.#method.invoke(values, message))
      : this.#method.invoke(args, message);
  }

  #reply(value: unknown, invocation: Invocation): void | Promise<void> {
    return reply(value, this.#method, invocation, this.#context);
  }
}

/** One after the other, and synchronous for as long as they are; none is read behind one that fails. */
function argumentValues(
  args: readonly Argument[],
  invocation: Invocation,
  known: readonly unknown[] = [],
): unknown[] | Promise<unknown[]> {
  const values = [...known];
  for (const argument of args.slice(known.length)) {
    const value = argument(invocation);
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
