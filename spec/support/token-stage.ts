import { expect } from "chai";
import {
  type BearerTokenInterceptor,
  type BearerTokenOptions,
  bearerToken,
  type ChannelInterceptor,
  type MessagingEvents,
  type StompMessagingOptions,
  type VerifiedToken,
} from "express-stomp";
import { RawClient } from "./raw-client.js";
import { startServer, type TestServer } from "./server.js";

/** Seconds since 1970, so many ms from now. */
export function inMs(milliseconds: number): number {
  return (Date.now() + milliseconds) / 1000;
}

/** Believes tokens such as `rod.1700000000~id`; `rod` never expires. */
export function believe(token: string): VerifiedToken {
  const [, name = "", exp, jti] = /^([^.]+)(?:\.(\d+(?:\.\d+)?)(?:~(.+))?)?$/.exec(token) ?? [];
  return { user: { name }, exp: exp === undefined ? undefined : Number(exp), jti };
}

/** A server that knows its clients by their tokens, and clients. */
export class TokenStage {
  server!: TestServer;
  tokens!: BearerTokenInterceptor;
  readonly #clients: RawClient[] = [];

  async start(
    options: Partial<BearerTokenOptions> = {},
    {
      interceptors = [],
      ...others
    }: Partial<StompMessagingOptions> & { interceptors?: ChannelInterceptor[] } = {},
  ): Promise<void> {
    this.tokens = bearerToken({ verify: believe, ...options });
    this.server = await startServer({
      clientInboundChannel: { interceptors: [this.tokens, ...interceptors] },
      ...others,
    });
  }

  /** A WebSocket on which nothing was said yet. */
  async open(): Promise<RawClient> {
    return this.#kept(await RawClient.open(this.server.port));
  }

  /** A client that has connected, with a token or without. */
  async connect(token?: string): Promise<RawClient> {
    const headers = token === undefined ? "" : `Authorization:Bearer ${token}\n`;
    return this.#kept(await RawClient.connect(this.server.port, headers));
  }

  async subscribed(token: string, destination: string): Promise<RawClient> {
    const client = await this.connect(token);
    client.send(`SUBSCRIBE\nid:1\ndestination:${destination}\n\n^@`);
    await client.synchronize();
    return client;
  }

  /** What CONNECT with these headers is answered, which is ERROR. */
  async refusal(headers: string): Promise<string | undefined> {
    const client = await this.open();
    client.send(`CONNECT\naccept-version:1.2\nhost:spec\n${headers}\n^@`);
    const frame = await client.frame();
    expect(frame).to.match(/^ERROR\n/);
    expect(await client.closed()).to.equal(1002);
    return /\nmessage:(.*)\n/.exec(frame)?.[1];
  }

  /** What is announced next under a name. */
  event<E extends keyof MessagingEvents>(name: E): Promise<MessagingEvents[E]> {
    return new Promise((resolve) => {
      const stop = this.server.messaging.on(name, (told) => {
        stop();
        resolve(told);
      });
    });
  }

  async close(): Promise<void> {
    for (const client of this.#clients.splice(0)) client.cut();
    await this.server?.close();
  }

  #kept(client: RawClient): RawClient {
    this.#clients.push(client);
    return client;
  }
}
