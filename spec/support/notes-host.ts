import {
  type ChannelInterceptor,
  Controller,
  type Message,
  MessageMapping,
  type MessagingEvents,
} from "express-stomp";
import { RawClient } from "./raw-client.js";
import { startServer, type TestServer } from "./server.js";

@Controller()
class Notes {
  readonly taken: string[] = [];

  @MessageMapping("/note")
  take(note: string) {
    this.taken.push(note);
  }

  @MessageMapping("/fail")
  fail() {
    throw new Error("secret of the server");
  }
}

/** A server that takes notes, and its clients. */
export class NotesHost {
  server!: TestServer;
  notes!: Notes;
  readonly #clients: RawClient[] = [];

  async start(...interceptors: ChannelInterceptor[]): Promise<void> {
    this.notes = new Notes();
    this.server = await startServer({ controllers: [this.notes], clientInboundChannel: { interceptors } });
  }

  async open(): Promise<RawClient> {
    const client = await RawClient.open(this.server.port);
    this.#clients.push(client);
    return client;
  }

  async connect(headers?: string): Promise<RawClient> {
    const client = await RawClient.connect(this.server.port, headers);
    this.#clients.push(client);
    return client;
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
}

export const text = (message: Message) => Buffer.from(message.payload).toString();

/** Applies to messages of one type only. */
export function on(type: string, preSend: NonNullable<ChannelInterceptor["preSend"]>): ChannelInterceptor {
  return {
    preSend: (message, channel) =>
      message.headers.messageType === type ? preSend(message, channel) : message,
  };
}

export function raise(error: Error): never {
  throw error;
}
