import { setImmediate as nextTurn } from "node:timers/promises";
import {
  type ChannelInterceptor,
  Controller,
  MessageMapping,
  type MessagingEvents,
  Payload,
  type RateLimitOptions,
  type StompMessagingOptions,
  withHeaders,
} from "express-stomp";
import { FakeTime } from "./fake-time.js";
import { startServer, type TestServer } from "./server.js";
import type { StompSession } from "./stomp-session.js";

/** Has what it was told, in order. */
@Controller()
class Chat {
  readonly said: string[] = [];

  @MessageMapping("/chat/{room}")
  say(@Payload() text: string) {
    this.said.push(text);
  }
}

/** Users are who they say. */
const login: ChannelInterceptor = {
  preSend: (message) => {
    const name = message.headers.native.get("login");
    return name === undefined ? message : withHeaders(message, { user: { name } });
  },
};

export const CHAT = { destinations: ["/app/chat/**"], per: "session", limit: 2, window: 1_000 } as const;

/** A server whose clients send to a chat, by a clock of the spec's. */
export class RateLimitedChat {
  readonly server: TestServer;
  readonly time: FakeTime;
  readonly chat: Chat;
  readonly exceeded: MessagingEvents["limitExceeded"][] = [];

  private constructor(server: TestServer, time: FakeTime, chat: Chat) {
    this.server = server;
    this.time = time;
    this.chat = chat;
    server.messaging.on("limitExceeded", (event) => void this.exceeded.push(event));
  }

  static async start(
    rateLimits: readonly RateLimitOptions[],
    options: Partial<StompMessagingOptions> = {},
  ): Promise<RateLimitedChat> {
    const time = new FakeTime();
    const chat = new Chat();
    const clientInboundChannel = { interceptors: [login] };
    const server = await startServer(
      { clock: time, controllers: [chat], clientInboundChannel, rateLimits, ...options },
      (app) => app.set("trust proxy", "loopback"),
    );
    return new RateLimitedChat(server, time, chat);
  }

  /** SENDs to the chat, one for each text. */
  say(client: StompSession, ...texts: string[]): void {
    for (const text of texts) client.send("SEND", { destination: "/app/chat/7" }, text);
  }

  /** Lets time pass, and what that begins go on. */
  async passed(ms: number): Promise<void> {
    this.time.pass(ms);
    for (let i = 0; i < 20; i++) await nextTurn();
  }

  close(): Promise<void> {
    return this.server.close();
  }
}

/** Resolves when something is so, in whatever turn that is. */
export async function reached(isSo: () => boolean): Promise<void> {
  while (!isSo()) await nextTurn();
}
