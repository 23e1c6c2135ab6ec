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

/**
 * The application's hand on `brokerChannel`: sends to subscribers from
 * controllers and from anywhere else. Injectable by its class.
 */
export class SimpMessagingTemplate {
  readonly #brokerChannel: SubscribableChannel;
  readonly #converter: CompositeMessageConverter;
  readonly #userPrefix: string;

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
    const message = args.length === 2 ? withHeaders(args[1], { destination: args[0] }) : args[0];
    if (!message.headers.destination) throw new MessageDeliveryError("A message to send has no destination");

    if (!(await this.#brokerChannel.send(message))) {
      throw new MessageDeliveryError(`An interceptor stopped the message to ${message.headers.destination}`);
    }
  }

  /**
   * Converts a value and sends it: strings as text, `Uint8Array` as binary, all
   * else as JSON. A `content-type` among the headers is kept, and decides.
   *
   * @param headers what subscribers find in MESSAGE; values become text
   * @throws MessageConversionError when the value cannot be written
   * @throws MessageDeliveryError as `send`
   */
  async convertAndSend(
    destination: string,
    payload: unknown,
    headers: NativeHeaders | Readonly<Record<string, unknown>> = {},
  ): Promise<void> {
    await this.send(this.#convert(payload, NativeHeaders.of(headers), { destination }));
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
  ): Promise<void> {
    if (name === "") throw new MessageDeliveryError(`A message to ${destination} of a user names nobody`);

    const ours = { destination: userDestination(this.#userPrefix, { name, destination }) };
    if (headers instanceof NativeHeaders) return this.send(this.#convert(payload, headers, ours));

    const { sessionId: privateTo, ...others } = headers;
    await this.send(this.#convert(payload, NativeHeaders.of(others), { ...ours, privateTo }));
  }

  #convert(payload: unknown, native: NativeHeaders, headers: Partial<MessageHeaders>): Message {
    const { payload: bytes, contentType } = this.#converter.toPayload(payload, native.get("content-type"));
    return createMessage(bytes, { ...headers, contentType, native: native.without("content-type") });
  }
}
