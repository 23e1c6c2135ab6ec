import type { Express } from "express";
import type { MessagingEvents, StompMessagingOptions } from "express-stomp";
import type { ClientOptions } from "ws";
import { RawClient } from "./raw-client.js";
import { startServer, type TestServer } from "./server.js";

/** A server and its clients, which end together. */
export class ClientHost {
  server!: TestServer;
  readonly #clients: RawClient[] = [];

  async listen(
    options?: Partial<StompMessagingOptions>,
    before?: (app: Express) => void,
    secure?: boolean,
  ): Promise<void> {
    this.server = await startServer(options, before, secure);
  }

  async open(): Promise<RawClient> {
    return this.#joined(await RawClient.open(this.server.port));
  }

  async connect(headers?: string, options?: ClientOptions): Promise<RawClient> {
    return this.#joined(await RawClient.connect(this.server.port, headers, "/ws", options));
  }

  /** Collects events of one kind. */
  collect<E extends keyof MessagingEvents>(name: E): MessagingEvents[E][] {
    const events: MessagingEvents[E][] = [];
    this.server.messaging.on(name, (event) => void events.push(event));
    return events;
  }

  /** Waits for one event. */
  event<E extends keyof MessagingEvents>(name: E): Promise<MessagingEvents[E]> {
    return new Promise((resolve) => this.server.messaging.on(name, resolve));
  }

  async close(): Promise<void> {
    for (const client of this.#clients.splice(0)) client.cut();
    await this.server.close();
  }

  #joined(client: RawClient): RawClient {
    this.#clients.push(client);
    return client;
  }
}
