import { BrokerNotAvailableError, type MessageHandler, type SubscriptionGaps } from "express-stomp";
import type { BrokerSystem } from "#lib/broker/broker-system.js";
import { createMessage, type Message } from "#lib/message/message.js";

interface Taker {
  readonly destination: string;
  readonly take: Parameters<BrokerSystem["subscribe"]>[1];
  readonly gaps: SubscriptionGaps | undefined;
}

/** A broker in memory, for the system connections of several servers: what one sends comes to all, later and in order. */
export class BrokerHub {
  /** All that was sent, as anybody on the broker sees it. */
  readonly sent: Message[] = [];
  readonly #connections: HubConnection[] = [];
  /** Whether a message gets lost on its way to one of them. */
  loses: (message: Message, to: HubConnection) => boolean = () => false;

  /** Connects a server. */
  connect(): HubConnection {
    const connection = new HubConnection(this);
    this.#connections.push(connection);
    return connection;
  }

  /** Loses all connections. */
  cut(): void {
    for (const connection of this.#connections) connection.cut();
  }

  /** All connections are there again. */
  restore(): void {
    for (const connection of this.#connections) connection.restore();
  }

  async send(message: Message): Promise<void> {
    this.sent.push(message);
    await null;
    for (const connection of this.#connections) {
      if (!this.loses(message, connection)) connection.deliver(message);
    }
  }
}

/** The connection of one server. */
export class HubConnection {
  readonly #takers = new Set<Taker>();
  readonly #inbox: Message[] = [];
  #isHeld = false;
  #isThere = true;

  /** The application's way to hear what is sent. */
  readonly system: BrokerSystem;
  /** The application's way to send. */
  readonly application: MessageHandler;

  constructor(hub: BrokerHub) {
    const isThere = () => this.#isThere;
    this.system = {
      get isAvailable() {
        return isThere();
      },
      subscribe: async (destination, take, gaps) => {
        const taker: Taker = { destination, take, gaps };
        this.#takers.add(taker);
        return async () => void this.#takers.delete(taker);
      },
    };
    this.application = {
      handle: async (message) => {
        if (!this.#isThere) throw new BrokerNotAvailableError("The broker is away");
        await hub.send(message);
      },
    };
  }

  cut(): void {
    if (!this.#isThere) return;
    this.#isThere = false;
    for (const { gaps } of this.#takers) gaps?.lost?.();
  }

  restore(): void {
    if (this.#isThere) return;
    this.#isThere = true;
    for (const { gaps } of this.#takers) gaps?.resumed?.();
  }

  deliver(message: Message): void {
    if (!this.#isThere) return;
    this.#inbox.push(message);
    this.#drain();
  }

  #drain(): void {
    while (!this.#isHeld) {
      const message = this.#inbox.shift();
      if (!message) return;
      for (const taker of this.#takers) {
        if (taker.destination === message.headers.destination) this.#give(message, taker);
      }
    }
  }

  #give({ payload, headers }: Message, { take, gaps }: Taker): void {
    const taken = take(createMessage(new Uint8Array(payload), headers));
    if (!taken || gaps?.isWaitedFor !== true) return;
    this.#isHeld = true;
    void taken.then(() => {
      this.#isHeld = false;
      this.#drain();
    });
  }
}
