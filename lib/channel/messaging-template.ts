import { userDestination } from "../destination/user-destination.js";
import { ignoreRejection, MessageDeliveryError } from "../errors.js";
import type { CompositeMessageConverter } from "../message/converters.js";
import {
  createMessage,
  isMessage,
  type Message,
  type MessageHeaders,
  withHeaders,
} from "../message/message.js";
import { NativeHeaders } from "../message/native-headers.js";
import { isPromise } from "../promise.js";
import type { SubscribableChannel } from "./channel.js";
import type { ClientAsker, ClientRequestOptions } from "./client-asker.js";

/** Headers for subscribers to find in MESSAGE, as text; and the one session that is meant. */
export interface UserMessageHeaders {
  readonly [name: string]: unknown;
  readonly sessionId?: string | undefined;
}

/** Headers for subscribers to find in MESSAGE, as text. */
export type MessageHeadersToSend = NativeHeaders | Readonly<Record<string, unknown>>;

/** Gives a message in place of another, which stays as it is: `(message) => withHeaders(message, …)`. */
export type MessagePostProcessor = (message: Message) => Message;

/**
 * The application's hand on `brokerChannel`: sends to subscribers from
 * controllers and from anywhere else. Injectable by its class.
 */
export class SimpMessagingTemplate {
  readonly #brokerChannel: SubscribableChannel;
  readonly #converter: CompositeMessageConverter;
  readonly #userPrefix: string;
  readonly #asker: ClientAsker | undefined;
  /** Where messages go that name no destination. */
  defaultDestination: string | undefined;

  constructor(
    brokerChannel: SubscribableChannel,
    converter: CompositeMessageConverter,
    userPrefix = "/user/",
    asker?: ClientAsker,
  ) {
    this.#asker = asker;
    this.#brokerChannel = brokerChannel;
    this.#converter = converter;
    this.#userPrefix = userPrefix;
  }

  /**
   * Sends a message whose payload is bytes, as it is. Resolves when the broker has taken it. A failure that
   * is not awaited fails, in a controller's method, the message that the method handles; elsewhere the event
   * `sendFailed` tells of it.
   *
   * @throws MessageDeliveryError when it has no destination, or one that nobody serves, or an interceptor refused or
   *   stopped it, or the messaging was closed
   * @example
   * ```ts
   * await template.send("/topic/pictures", createMessage(bytes, { contentType: "image/png" }));
   * ```
   */
  send(destination: string, message: Message): Promise<void>;
  send(message: Message): Promise<void>;
  send(...args: [string, Message] | [Message]): Promise<void> {
    const destination = args.length === 2 ? args[0] : args[0].headers.destination;
    return this.#start(destination, () => {
      return this.#send(args.length === 2 ? withHeaders(args[1], { destination: args[0] }) : args[0]);
    });
  }

  /**
   * Converts a value and sends it: strings as text, `Uint8Array` as binary, all
   * else as JSON. A `content-type` among the headers is kept, and decides.
   *
   * @param headers what subscribers find in MESSAGE; values become text
   * @param postProcessor gives the message to send in place of the one that was made
   * @throws MessageConversionError when the value cannot be written
   * @throws MessageDeliveryError as `send`
   * @example
   * ```ts
   * await template.convertAndSend("/topic/prices", { symbol: "ACME", price: 42 });
   * await template.convertAndSend("/topic/prices", { symbol: "ACME", price: 43 }, { source: "exchange" });
   * ```
   */
  convertAndSend(
    destination: string,
    payload: unknown,
    headers?: MessageHeadersToSend,
    postProcessor?: MessagePostProcessor,
  ): Promise<void>;
  convertAndSend(destination: string, payload: unknown, postProcessor: MessagePostProcessor): Promise<void>;
  /** The same, to the default destination. */
  convertAndSend(payload: unknown): Promise<void>;
  convertAndSend(...args: unknown[]): Promise<void> {
    const [destination, payload, ...more] = args.length === 1 ? [undefined, args[0]] : args;
    return this.#start(destination as string | undefined, () => {
      const [headers, postProcessor] = typeof more[0] === "function" ? [undefined, more[0]] : more;
      const native = NativeHeaders.of((headers as MessageHeadersToSend | undefined) ?? {});
      const message = this.#convert(payload, native, { destination: destination as string | undefined });
      return this.#send(postProcessor ? (postProcessor as MessagePostProcessor)(message) : message);
    });
  }

  /**
   * Converts a value and sends it to a user, in all sessions that subscribed to
   * `/user` and this destination. A user who is not connected misses it.
   *
   * @param name any text; for a session without a user its id
   * @param headers as for `convertAndSend`; but `sessionId` names the one
   *   session of the user that is meant, and subscribers do not see it
   * @throws MessageConversionError when the value cannot be written
   * @throws MessageDeliveryError as `send`, or when the name is empty, or the destination has the user prefix
   * @example
   * ```ts
   * await template.convertAndSendToUser("rod", "/queue/notes", "hello"); // where rod subscribed to /user/queue/notes
   * await template.convertAndSendToUser("rod", "/queue/notes", "only here", { sessionId });
   * ```
   */
  convertAndSendToUser(
    name: string,
    destination: string,
    payload: unknown,
    headers: NativeHeaders | UserMessageHeaders = {},
    postProcessor: MessagePostProcessor = (message) => message,
  ): Promise<void> {
    return this.#start(destination, () => {
      if (name === "") throw new MessageDeliveryError(`A message to ${destination} of a user names nobody`);
      checkText("convertAndSendToUser", destination);

      // With the prefix it would go to /user/<name>/user/queue/x, where nobody listens.
      if (destination.startsWith(this.#userPrefix)) {
        const behind = destination.slice(this.#userPrefix.length - 1);
        throw new MessageDeliveryError(
          `convertAndSendToUser takes a destination without ${this.#userPrefix}: ${behind}, not ${destination}`,
        );
      }
      const ours = { destination: userDestination(this.#userPrefix, { name, destination }) };
      if (headers instanceof NativeHeaders) {
        return this.#send(postProcessor(this.#convert(payload, headers, ours)));
      }
      const { sessionId: privateTo, ...others } = headers;
      const message = this.#convert(payload, NativeHeaders.of(others), { ...ours, privateTo });
      return this.#send(postProcessor(message));
    });
  }

  /**
   * Asks a user, and resolves with the answer of the first of the sessions that subscribed to `/user` and
   * this destination, on other servers too as far as the registry knows of them. The client answers by `answering` of `express-stomp/client`, or sends its answer to what `reply-to`
   * says, with the same `correlation-id`. Text comes as text, JSON as what it says, bytes as bytes.
   *
   * @param name any text; for a session without a user its id
   * @param question converted as by `convertAndSend`
   * @throws ClientRequestError (rejects with it) when no answer comes: its `reason` says why; the reason of `signal`;
   *   MessageConversionError or MethodArgumentNotValidError when the answer cannot be read, or the schema refuses it
   * @example
   * ```ts
   * const isSure = await template.request<boolean>("rod", "/queue/confirm", { text: "Sell all?" }, { timeout: 30_000 });
   * ```
   */
  request<A = unknown>(
    name: string,
    destination: string,
    question: unknown,
    options?: ClientRequestOptions<A>,
  ): Promise<A> {
    const asker = this.#asker;
    const asked = asker
      ? asker.request(name, destination, question, options)
      : Promise.reject(new MessageDeliveryError("This template has no sessions that it could ask"));
    return this.#brokerChannel.sending(asked as Promise<A>, destination);
  }

  /** Never throws: who does not await it would hear of that too. */
  #start(destination: string | undefined, send: () => void | Promise<void>): Promise<void> {
    let sent: void | Promise<void>;
    try {
      sent = send();
    } catch (error) {
      sent = Promise.reject(error);
    }
    return this.#brokerChannel.sending(sent, destination ?? this.defaultDestination);
  }

  #send(given: Message): void | Promise<void> {
    if (!isMessage(given)) {
      ignoreRejection(given);
      throw new MessageDeliveryError(
        "What is to be sent is no message: a post-processor returns one, and no promise",
      );
    }

    const destination = given.headers.destination ?? this.defaultDestination;
    if (!destination) throw new MessageDeliveryError("A message to send has no destination");
    checkText("convertAndSend", destination);

    const message = given.headers.destination === undefined ? withHeaders(given, { destination }) : given;
    const sent = this.#brokerChannel.carry(message);
    return isPromise(sent)
      ? sent.then((handled) => checkSent(handled, destination))
      : checkSent(sent, destination);
  }

  #convert(payload: unknown, native: NativeHeaders, headers: Partial<MessageHeaders>): Message {
    const { payload: bytes, contentType } = this.#converter.toPayload(payload, native.get("content-type"));
    return createMessage(bytes, { ...headers, contentType, native: native.without("content-type") });
  }
}

/** JavaScript may have them the other way round, as Spring has in one of its methods. */
function checkText(method: string, destination: unknown): asserts destination is string {
  if (typeof destination === "string") return;
  const order = method === "convertAndSend" ? "destination, payload" : "name, destination, payload";
  throw new MessageDeliveryError(
    `A destination is a string such as "/topic/news", not ${typeof destination}: ${method}(${order})`,
  );
}

function checkSent(sent: boolean, destination: string): void {
  if (!sent) throw new MessageDeliveryError(`An interceptor stopped the message to ${destination}`);
}
