import { userDestination } from "../destination/user-destination.js";
import { MessageDeliveryError } from "../errors.js";
import type { CompositeMessageConverter } from "../message/converters.js";
import { createMessage, type Message, type MessageHeaders, withHeaders } from "../message/message.js";
import { NativeHeaders } from "../message/native-headers.js";
import type { SubscribableChannel } from "./channel.js";

/** What subscribers find in MESSAGE, as text; and the one session that is meant. */
export interface UserMessageHeaders {
  readonly [name: string]: unknown;
  readonly sessionId?: string | undefined;
}

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
  /** Where messages go that name no destination. */
  defaultDestination: string | undefined;

  constructor(
    brokerChannel: SubscribableChannel,
    converter: CompositeMessageConverter,
    userPrefix = "/user/",
  ) {
    this.#brokerChannel = brokerChannel;
    this.#converter = converter;
    this.#userPrefix = userPrefix;
  }

  /**
   * Sends a message whose payload is bytes, as it is. Resolves when the broker has taken it.
   *
   * @throws MessageDeliveryError when it has no destination, or an interceptor refused or stopped it
   */
  async send(destination: string, message: Message): Promise<void>;
  async send(message: Message): Promise<void>;
  async send(...args: [string, Message] | [Message]): Promise<void> {
    const given = args.length === 2 ? withHeaders(args[1], { destination: args[0] }) : args[0];
    const destination = given.headers.destination ?? this.defaultDestination;
    if (!destination) throw new MessageDeliveryError("A message to send has no destination");

    const message = given.headers.destination === undefined ? withHeaders(given, { destination }) : given;
    if (!(await this.#brokerChannel.send(message))) {
      throw new MessageDeliveryError(`An interceptor stopped the message to ${destination}`);
    }
  }

  /**
   * Converts a value and sends it: strings as text, `Uint8Array` as binary, all
   * else as JSON. A `content-type` among the headers is kept, and decides.
   *
   * @param headers what subscribers find in MESSAGE; values become text
   * @param postProcessor gives the message to send in place of the one that was made
   * @throws MessageConversionError when the value cannot be written
   * @throws MessageDeliveryError as `send`
   */
  async convertAndSend(
    destination: string,
    payload: unknown,
    headers?: MessageHeadersToSend,
    postProcessor?: MessagePostProcessor,
  ): Promise<void>;
  async convertAndSend(
    destination: string,
    payload: unknown,
    postProcessor: MessagePostProcessor,
  ): Promise<void>;
  /** The same, to the default destination. */
  async convertAndSend(payload: unknown): Promise<void>;
  async convertAndSend(...args: unknown[]): Promise<void> {
    const [destination, payload, ...more] = args.length === 1 ? [undefined, args[0]] : args;
    const [headers, postProcessor] = typeof more[0] === "function" ? [undefined, more[0]] : more;

    const native = NativeHeaders.of((headers as MessageHeadersToSend | undefined) ?? {});
    const message = this.#convert(payload, native, { destination: destination as string | undefined });
    await this.send(postProcessor ? (postProcessor as MessagePostProcessor)(message) : message);
  }

  /**
   * Converts a value and sends it to a user, in all sessions that subscribed to
   * `/user` and this destination. Whoever is not there misses it.
   *
   * @param name any text; for a session without a user its id
   * @param headers as for `convertAndSend`; but `sessionId` names the one
   *   session of the user that is meant, and subscribers do not see it
   * @throws MessageConversionError when the value cannot be written
   * @throws MessageDeliveryError as `send`, or when the name is empty
   */
  async convertAndSendToUser(
    name: string,
    destination: string,
    payload: unknown,
    headers: NativeHeaders | UserMessageHeaders = {},
    postProcessor: MessagePostProcessor = (message) => message,
  ): Promise<void> {
    if (name === "") throw new MessageDeliveryError(`A message to ${destination} of a user names nobody`);

    const ours = { destination: userDestination(this.#userPrefix, { name, destination }) };
    if (headers instanceof NativeHeaders)
      return this.send(postProcessor(this.#convert(payload, headers, ours)));

    const { sessionId: privateTo, ...others } = headers;
    await this.send(postProcessor(this.#convert(payload, NativeHeaders.of(others), { ...ours, privateTo })));
  }

  #convert(payload: unknown, native: NativeHeaders, headers: Partial<MessageHeaders>): Message {
    const { payload: bytes, contentType } = this.#converter.toPayload(payload, native.get("content-type"));
    return createMessage(bytes, { ...headers, contentType, native: native.without("content-type") });
  }
}
