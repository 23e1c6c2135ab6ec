import { randomUUID } from "node:crypto";
import { expect } from "chai";
import {
  Controller,
  MessageMapping,
  Payload,
  type StompBrokerRelayOptions,
  type StompMessagingOptions,
  stompBrokerRelay,
} from "express-stomp";
import type { RealBroker } from "../../example/shared/broker-process.js";
import { relayTo } from "./brokers.js";
import { startServer, type TestServer } from "./server.js";
import { type ReadFrame, StompSession } from "./stomp-session.js";
import { untilAvailable } from "./until-available.js";

const PREFIXES = ["/topic", "/queue", "/exchange", "/amq/queue", "/reply-queue", "/elsewhere"];

@Controller()
class Prices {
  @MessageMapping("price.{ticker}")
  price(@Payload() price: string) {
    return `${price} EUR`;
  }
}

/** A server that relays to a real broker, and clients. It answers to `/app/price.…`. */
export class RealBrokerStage {
  server!: TestServer;
  readonly #sessions: StompSession[] = [];

  async start(
    broker: RealBroker,
    options: StompBrokerRelayOptions = {},
    server: Partial<StompMessagingOptions> = {},
  ): Promise<void> {
    this.server = await startServer({
      ...server,
      controllers: [Prices],
      destinationSeparator: ".",
      broker: stompBrokerRelay({
        ...relayTo(broker),
        destinationPrefixes: PREFIXES,
        reconnectInterval: 200,
        ...options,
      }),
    });
    await this.available();
  }

  async available(isAvailable = true): Promise<void> {
    await untilAvailable(this.server.messaging, isAvailable);
  }

  async connect(version = "1.2", headers = {}): Promise<StompSession> {
    const session = await StompSession.connect(this.server.port, version, headers);
    this.#sessions.push(session);
    return session;
  }

  async close(): Promise<void> {
    for (const session of this.#sessions.splice(0)) session.cut();
    await this.server?.close();
  }
}

/** Sends a frame and waits for its receipt, before which nothing else may come. */
export async function receipt(
  session: StompSession,
  command: string,
  headers: Readonly<Record<string, string>>,
  body = "",
): Promise<void> {
  session.send(command, { ...headers, receipt: "done" }, body);
  const frame = await session.frame();
  expect(Object.fromEntries(frame.headers)).to.deep.equal({ "receipt-id": "done" });
}

/** A header of the broker's as it means it. */
export function decoded(frame: ReadFrame, name: string): string {
  return frame.headers.get(name)?.replaceAll("\\c", ":") ?? "";
}

/** A destination that no other spec has used. */
export function fresh(kind: "topic" | "queue"): string {
  return `/${kind}/relay.${randomUUID()}`;
}
