import { isPromise } from "../channel/channel.js";
import type { DestinationPattern } from "../destination/pattern.js";
import { ConfigurationError } from "../errors.js";
import { type Argument, argumentsOf, type Invocation } from "./arguments.js";
import type { ExceptionMethod, MappedMethod } from "./metadata.js";
import { placeholdersOf, type ReplyChannels, reply } from "./reply.js";

/** One method of a controller: takes its arguments from a message, and sends on what it returns. */
export class HandlerMethod {
  readonly name: string;
  readonly #method: MappedMethod | ExceptionMethod;
  readonly #arguments: readonly Argument[];
  readonly #channels: ReplyChannels;

  /** @throws ConfigurationError when arguments cannot be found */
  constructor(method: MappedMethod | ExceptionMethod, channels: ReplyChannels) {
    this.name = method.name;
    this.#method = method;
    this.#arguments = argumentsOf(method, channels.converter);
    this.#channels = channels;
  }

  /** Is done when the reply was sent. Throws, or rejects with, whatever the method does. */
  handle(invocation: Invocation): void | Promise<void> {
    const args = this.#arguments.map((argument) => argument(invocation));
    const value = this.#method.invoke(args, invocation.message);
    if (!isPromise(value as object)) return this.#reply(value, invocation);

    return Promise.resolve(value).then((result) => this.#reply(result, invocation));
  }

  #reply(value: unknown, invocation: Invocation): void | Promise<void> {
    return reply(value, this.#method, invocation, this.#channels);
  }
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
