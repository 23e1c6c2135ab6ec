import { MessageDeliveryError } from "../errors.js";
import type { CompositeMessageConverter } from "../message/converters.js";
import { createMessage, type Message, withHeaders } from "../message/message.js";
import { NativeHeaders } from "../message/native-headers.js";
import type { SubscribableChannel } from "./channel.js";

/**
 * The application's hand on `brokerChannel`: sends to subscribers from
 * controllers and from anywhere else. Injectable by its class.
 */
export class SimpMessagingTemplate {
  readonly #brokerChannel: SubscribableChannel;
  readonly #converter: CompositeMessageConverter;

  constructor(brokerChannel: SubscribableChannel, converter: CompositeMessageConverter) {
    this.#brokerChannel = brokerChannel;
    this.#converter = converter;
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
    const native = NativeHeaders.of(headers);
    const { payload: bytes, contentType } = this.#converter.toPayload(payload, native.get("content-type"));
    await this.send(
      createMessage(bytes, { destination, contentType, native: native.without("content-type") }),
    );
  }
}
