import type { BrokerSystem, SubscriptionGaps } from "../../broker/broker-system.js";
import { Sending } from "../../channel/sending.js";
import { MessageDeliveryError } from "../../errors.js";
import type { Message } from "../../message/message.js";
import { LastingConnection, type LastingConnectionOptions } from "../line/lasting-connection.js";
import { checkMessageSize } from "../line/message-size.js";
import { applicationFrame } from "../line/relay-frame.js";
import type { BrokerAddress } from "../relay-settings.js";

/** The connection over which the application itself speaks to the broker, and hears it; Spring's system connection. */
export class ApplicationConnection implements BrokerSystem {
  readonly #options: Omit<LastingConnectionOptions, "login" | "passcode">;
  readonly #line: LastingConnection;

  constructor(options: Omit<LastingConnectionOptions, "login" | "passcode">) {
    const { systemLogin: login, systemPasscode: passcode } = options.settings;
    this.#options = options;
    this.#line = new LastingConnection({ ...options, login, passcode });
  }

  /** The broker that it is connected to. */
  get address(): BrokerAddress | undefined {
    return this.#line.address;
  }

  get isAvailable(): boolean {
    return this.address !== undefined;
  }

  start(): void {
    this.#line.start();
  }

  /** Sends a message; settles when the broker has it. @throws MessageDeliveryError when it does not, or nobody knows */
  send(message: Message): Promise<void> {
    checkMessageSize(message, this.#options.settings);
    const connection = this.#line.available;
    const frame = applicationFrame(message);
    const { sendBufferSizeLimit, receiptTimeout } = this.#options.settings;
    if (connection.waiting + frame.body.length > sendBufferSizeLimit) {
      throw new MessageDeliveryError(`The broker reads too slowly: ${connection.waiting} bytes wait for it`);
    }
    return connection.request(frame, receiptTimeout).confirmed;
  }

  subscribe(
    destination: string,
    take: (message: Message) => void | Promise<void>,
    gaps?: SubscriptionGaps,
  ): Promise<() => Promise<void>> {
    const listening = this.#line.listen({ destination, take, gaps, ended: undefined });
    return Sending.of(
      listening.then(({ end }) => end),
      (error) => {
        const text = `The application does not hear ${destination}, and nobody took the rejection`;
        this.#options.logger.error(text, error);
      },
    );
  }

  close(): Promise<void> {
    return this.#line.close();
  }
}
