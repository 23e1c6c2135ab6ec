import { randomUUID } from "node:crypto";
import type { SubscribableChannel } from "../channel/channel.js";
import { isPromise } from "../channel/passage.js";
import type { DestinationPattern } from "../destination/pattern.js";
import { ConfigurationError, MessageDeliveryError, MessageHandlingError } from "../errors.js";
import type { CompositeMessageConverter } from "../message/converters.js";
import { createMessage, type Message } from "../message/message.js";
import { type Argument, argumentsOf, type Invocation } from "./arguments.js";
import type { MappedMethod } from "./metadata.js";

/** Where arguments and replies go through. */
export interface ReplyChannels {
  readonly converter: CompositeMessageConverter;
  readonly brokerChannel: SubscribableChannel;
  readonly clientOutboundChannel: SubscribableChannel;
}

/** A message that matched a mapping. */
export interface MatchedMessage extends Invocation {
  /** The destination without the application's prefix. */
  readonly lookupDestination: string;
}

/** One method of a controller: takes its arguments from a message, and sends on what it returns. */
export class HandlerMethod {
  readonly name: string;
  readonly #method: MappedMethod;
  readonly #arguments: readonly Argument[];
  readonly #channels: ReplyChannels;

  /** @throws ConfigurationError when arguments cannot be found, or a pattern lacks a variable that is asked for */
  constructor(method: MappedMethod, patterns: readonly DestinationPattern[], channels: ReplyChannels) {
    checkVariables(method, patterns);
    this.name = method.name;
    this.#method = method;
    this.#arguments = argumentsOf(method, channels.converter);
    this.#channels = channels;
  }

  /** Is done when the reply was sent. Throws, or rejects with, whatever the method does. */
  handle(matched: MatchedMessage): void | Promise<void> {
    const value = this.#method.invoke(this.#arguments.map((argument) => argument(matched)));
    if (!isPromise(value as object)) return this.#reply(value, matched);

    return Promise.resolve(value).then((result) => this.#reply(result, matched));
  }

  #reply(value: unknown, matched: MatchedMessage): void | Promise<void> {
    if (value === undefined || value === null) return;

    const { converter, brokerChannel, clientOutboundChannel } = this.#channels;
    const { type, sendTo } = this.#method;
    const { payload, contentType } = converter.toPayload(value);
    const { sessionId, user } = matched.message.headers;

    if (type === "SUBSCRIBE" && !sendTo) {
      const { destination, subscriptionId } = matched.message.headers;
      if (subscriptionId === undefined) {
        throw new MessageHandlingError(`${this.name} has nobody to reply to: SUBSCRIBE has no id`);
      }
      const messageId = randomUUID();
      const headers = { destination, sessionId, subscriptionId, messageId, user, contentType };
      return sendInOrder(clientOutboundChannel, [createMessage(payload, headers)]);
    }

    const destinations = sendTo?.length
      ? sendTo.map((destination) => expand(destination, matched.variables))
      : [defaultDestination(matched.lookupDestination)];
    return sendInOrder(
      brokerChannel,
      destinations.map((destination) =>
        createMessage(payload, { destination, contentType, sessionId, user }),
      ),
    );
  }
}

function defaultDestination(lookupDestination: string): string {
  return `/topic${lookupDestination.startsWith("/") ? "" : "/"}${lookupDestination}`;
}

const PLACEHOLDER = /\{([^{}]+)\}/g;

function expand(destination: string, variables: ReadonlyMap<string, string>): string {
  return destination.replace(PLACEHOLDER, (_, name: string) => variables.get(name) as string);
}

function checkVariables(
  { name, parameters, sendTo = [] }: MappedMethod,
  patterns: readonly DestinationPattern[],
): void {
  const wanted = [
    ...parameters.flatMap(({ note }) => (note?.kind === "destinationVariable" ? note.name : [])),
    ...sendTo.flatMap((destination) =>
      [...destination.matchAll(PLACEHOLDER)].map(([, variable]) => variable),
    ),
  ];
  for (const { text, segments } of patterns) {
    const known = segments.flatMap((segment) => segment.variables);
    const missing = wanted.find((variable) => variable !== undefined && !known.includes(variable));
    if (missing !== undefined) {
      throw new ConfigurationError(`${name} wants {${missing}}, which its mapping to ${text} does not have`);
    }
  }
}

/** Each when the one before it was sent; synchronous for as long as the channel is. */
function sendInOrder(channel: SubscribableChannel, messages: readonly Message[]): void | Promise<void> {
  for (const [index, message] of messages.entries()) {
    const sent = channel.send(message);
    if (isPromise(sent)) {
      return sent.then((result) => {
        checkSent(result, message);
        return sendInOrder(channel, messages.slice(index + 1));
      });
    }
    checkSent(sent, message);
  }
}

function checkSent(sent: boolean, { headers }: Message): void {
  if (!sent) throw new MessageDeliveryError(`An interceptor stopped the reply to ${headers.destination}`);
}
