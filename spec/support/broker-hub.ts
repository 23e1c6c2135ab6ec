import type { MessageHandler } from "express-stomp";
import type { BrokerSystem } from "#lib/broker/broker.js";
import { createMessage, type Message } from "#lib/message/message.js";

/** A broker in memory, for the system connections of several servers: what one sends comes to all, later and in order. */
export class BrokerHub {
  /** All that was sent, as anybody on the broker sees it. */
  readonly sent: Message[] = [];
  readonly #takers = new Map<string, Set<Parameters<BrokerSystem["subscribe"]>[1]>>();
  /** Whether what is sent gets lost. */
  broken = false;

  /** The application's way to hear what is sent. */
  readonly system: BrokerSystem = {
    subscribe: async (destination, take) => {
      const takers = this.#takers.get(destination) ?? new Set();
      this.#takers.set(destination, takers.add(take));
      return async () => void takers.delete(take);
    },
  };

  /** The application's way to send. */
  readonly application: MessageHandler = { handle: (message) => this.send(message) };

  async send(message: Message): Promise<void> {
    if (this.broken) throw new Error("The broker is away");
    this.sent.push(message);
    await null;
    const { destination = "" } = message.headers;
    for (const take of [...(this.#takers.get(destination) ?? [])]) {
      void take(createMessage(new Uint8Array(message.payload), message.headers));
    }
  }
}
