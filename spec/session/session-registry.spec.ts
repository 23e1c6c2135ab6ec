import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { expect } from "chai";
import type { MessagingEvents, TransportOptions } from "express-stomp";
import WebSocket from "ws";
import { RawClient } from "../support/raw-client.js";
import { settled } from "../support/recording.js";
import { startServer, type TestServer } from "../support/server.js";

describe("SessionRegistry", () => {
  let server: TestServer;
  const clients: RawClient[] = [];

  async function start(transport: TransportOptions) {
    server = await startServer({ transport }, (app) => app.set("trust proxy", true));
  }

  async function open(address = "192.0.2.1") {
    const client = await RawClient.open(server.port, "/ws", { headers: { "x-forwarded-for": address } });
    clients.push(client);
    return client;
  }

  async function connect(address?: string) {
    const client = await open(address);
    client.send("CONNECT\naccept-version:1.2\nhost:spec\n\n^@");
    await client.frame();
    return client;
  }

  /** Waits until so many are left: the server hears of an end a little later than the client. */
  async function connections(count: number) {
    while (server.messaging.stats().connections !== count) await settled();
  }

  /** The status with which a handshake is answered. */
  async function refused(address = "192.0.2.1"): Promise<number | undefined> {
    const webSocket = new WebSocket(`ws://127.0.0.1:${server.port}/ws`, {
      headers: { "x-forwarded-for": address },
    });
    const [, response] = (await once(webSocket, "unexpected-response")) as [unknown, IncomingMessage];
    response.resume();
    webSocket.on("error", () => {});
    webSocket.terminate();
    return response.statusCode;
  }

  afterEach(async () => {
    for (const client of clients.splice(0)) client.cut();
    await server.close();
  });

  it("answers 503 beyond connectionLimit, tells and counts it, and admits again when one has gone", async () => {
    await start({ connectionLimit: 2 });
    const told: MessagingEvents["limitExceeded"][] = [];
    server.messaging.on("limitExceeded", (event) => void told.push(event));
    const first = await connect();
    await connect();

    expect(await refused("192.0.2.9")).to.equal(503);
    expect(told).to.deep.equal([
      { limit: "connectionLimit", address: "192.0.2.9", sessionId: undefined, user: undefined },
    ]);
    expect(server.messaging.stats().limitsExceeded).to.deep.equal({ connectionLimit: 1 });
    expect(server.messaging.stats().handshakesRefused).to.deep.equal({ limit: 1 });

    const ended = new Promise((resolve) => server.messaging.on("disconnect", resolve));
    first.cut();
    await ended;
    await connect("192.0.2.9");
  });

  it("counts connections of each address apart", async () => {
    await start({ connectionsPerAddressLimit: 1 });
    const first = await connect("192.0.2.1");
    await connect("192.0.2.2");

    expect(await refused("192.0.2.1")).to.equal(503);

    const ended = new Promise((resolve) => server.messaging.on("disconnect", resolve));
    first.cut();
    await ended;
    await connect("192.0.2.1");
  });

  it("counts an address's connections down to what is left, as they go", async () => {
    await start({ connectionsPerAddressLimit: 3 });
    const [first, second] = [await connect(), await connect(), await connect()];
    expect(await refused()).to.equal(503);

    for (const client of [first, second]) client!.cut();
    await connections(1);
    await connect();
    await connect();
    expect(await refused()).to.equal(503);
  });

  it("counts clients that are not CONNECTED against unconnectedLimit", async () => {
    await start({ unconnectedLimit: 1 });
    const first = await open();

    expect(await refused()).to.equal(503);
    first.send("CONNECT\naccept-version:1.2\nhost:spec\n\n^@");
    await first.frame();
    const second = await open();

    expect(await refused()).to.equal(503);
    second.send("SEND\n\n^@");
    await second.frame();
    await second.closed();
    await connections(1);
    await open();
  });

  it("refuses a SockJS session too", async () => {
    await start({ connectionLimit: 1 });
    await connect();

    const [response] = (await once(
      get(`http://127.0.0.1:${server.port}/ws/000/sid/eventsource`),
      "response",
    )) as [IncomingMessage];
    response.resume();

    expect(response.statusCode).to.equal(503);
  });

  it("counts what has passed", async () => {
    await start({});
    const client = await connect();
    await open();
    client.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@SEND\ndestination:/topic/a\n\nx^@");
    await client.frame();
    const bad = await connect();
    bad.send("NONSENSE\n\n^@");
    await bad.frame();
    await bad.closed();
    await connections(2);

    expect(server.messaging.stats()).to.deep.include({
      connections: 2,
      sessions: 1,
      connectionsOpened: 3,
      framesReceived: 4,
      messagesSent: 1,
      messagesDropped: 0,
      messagesDroppedByBroker: 0,
      errorsSent: 1,
      recoveries: { recovered: 0, refused: 0 },
      detached: { running: 0, ended: 0, failed: 0 },
      repeatedSends: 0,
      forgottenSends: 0,
      handshakesRefused: {},
      limitsExceeded: {},
    });
  });
});
