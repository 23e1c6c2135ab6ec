import { expect } from "chai";
import { type StompBrokerRelayOptions, type StompMessagingOptions, stompBrokerRelay } from "express-stomp";
import { RawClient } from "./raw-client.js";
import { ScriptedBroker, type ScriptedLine, type ScriptedOptions } from "./scripted-broker.js";
import { startServer, type TestServer } from "./server.js";
import { StompSession } from "./stomp-session.js";
import { untilAvailable } from "./until-available.js";

/** As clients of these specs say it, if not otherwise. */
export const CONNECT = "CONNECT\naccept-version:1.2\nhost:spec\n\n^@";

export interface RelayStageOptions {
  readonly broker?: ScriptedOptions;
  readonly relay?: StompBrokerRelayOptions;
  readonly server?: Partial<StompMessagingOptions>;
  /** The server speaks TLS. */
  readonly secure?: boolean;
}

/** A scripted broker, a server that relays to it, and clients. */
export class RelayStage {
  readonly broker: ScriptedBroker;
  readonly server: TestServer;
  readonly #clients: { cut(): void }[] = [];

  private constructor(broker: ScriptedBroker, server: TestServer) {
    this.broker = broker;
    this.server = server;
  }

  static async open({ broker, relay, server, secure }: RelayStageOptions = {}): Promise<RelayStage> {
    const scripted = await ScriptedBroker.open(broker);
    const options: StompBrokerRelayOptions = {
      destinationPrefixes: ["/topic", "/queue"],
      ...(relay?.addresses ? {} : { relayPort: scripted.port }),
      reconnectInterval: 50,
      ...relay,
    };
    return new RelayStage(
      scripted,
      await startServer({ broker: stompBrokerRelay(options), ...server }, undefined, secure),
    );
  }

  /** Waits until the broker is, or is not, available, and gives the system's line. */
  async system(): Promise<ScriptedLine> {
    const line = await this.broker.line();
    await this.available();
    await line.until("CONNECT");
    return line;
  }

  async available(isAvailable = true): Promise<void> {
    await untilAvailable(this.server.messaging, isAvailable);
  }

  /** Connects a client. */
  async session(version = "1.2"): Promise<StompSession> {
    const client = await StompSession.connect(this.server.port, version);
    this.#clients.push(client);
    return client;
  }

  /** Connects a client, and gives its line to the broker too, at which CONNECT has been read. */
  async connect(version = "1.2"): Promise<{ client: StompSession; line: ScriptedLine }> {
    const client = await this.session(version);
    const line = await this.broker.line();
    await line.until("CONNECT");
    return { client, line };
  }

  /** A WebSocket on which nothing was said yet. */
  async open(): Promise<RawClient> {
    const client = await RawClient.open(this.server.port);
    this.#clients.push(client);
    return client;
  }

  /** Sends CONNECT and gives the line that this opens to the broker; what is answered is not read yet. */
  async knock(): Promise<{ client: RawClient; line: ScriptedLine }> {
    const client = await this.open();
    client.send(CONNECT);
    return { client, line: await this.broker.line() };
  }

  async close(): Promise<void> {
    // A broker that does not say goodbye is waited for.
    this.broker.options = {};
    for (const client of this.#clients.splice(0)) client.cut();
    await this.server.close();
    await this.broker.close();
  }
}

/** Expects that a client is told why its session ends, and that it does. */
export async function expectEnd(client: RawClient, message: string): Promise<void> {
  const frame = await client.frame();
  expect(frame.split("\n").slice(0, 2)).to.deep.equal(["ERROR", `message:${message}`]);
  expect(await client.closed()).to.equal(1002);
}
