import { Client } from "@stomp/stompjs";
import { expect } from "chai";
import {
  type ChannelInterceptor,
  Controller,
  type Message,
  MessageMapping,
  Payload,
  withHeaders,
} from "express-stomp";
import { resuming } from "express-stomp/client";
import WebSocket from "ws";
import { startServer, type TestServer } from "../support/server.js";
import { StompStub } from "../support/stomp-stub.js";

const login: ChannelInterceptor = {
  preSend: (message: Message) =>
    message.headers.messageType === "CONNECT" ? withHeaders(message, { user: { name: "rod" } }) : message,
};

@Controller()
class Orders {
  readonly taken: string[] = [];
  /** Called with each order; what it returns is waited for. */
  meanwhile: (order: string) => void | Promise<void> = () => {};

  @MessageMapping("/order")
  async take(@Payload() order: string) {
    this.taken.push(order);
    await this.meanwhile(order);
  }
}

describe("publish with retry", () => {
  let client: Client | undefined;
  let stub: StompStub | undefined;
  let server: TestServer | undefined;

  function start(url: string): Client {
    client = new Client({
      webSocketFactory: () => new WebSocket(url, ["v12.stomp"]),
      reconnectDelay: 1,
      heartbeatIncoming: 0,
      heartbeatOutgoing: 0,
    });
    return client;
  }

  async function startStub(): Promise<{ client: Client; stub: StompStub }> {
    stub = await StompStub.open();
    return { client: start(stub.url), stub };
  }

  afterEach(async () => {
    stub?.close();
    await client?.deactivate({ force: true });
    await server?.close();
    client = stub = server = undefined;
  });

  const rejection = (promise: Promise<void>) =>
    promise.then(
      () => "none",
      (error: Error) => error.message,
    );

  it("is handled once by a server that deduplicates, however often the line breaks, and in order", async () => {
    const orders = new Orders();
    server = await startServer({
      controllers: [orders],
      clientInboundChannel: { interceptors: [login], deduplicate: true },
    });
    const client = start(`ws://127.0.0.1:${server.port}/ws`);
    const sockets: WebSocket[] = [];
    client.webSocketFactory = () => {
      const socket = new WebSocket(`ws://127.0.0.1:${server!.port}/ws`, ["v12.stomp"]);
      sockets.push(socket);
      return socket;
    };
    // The line breaks while the server is at work on every third order.
    orders.meanwhile = (order) => {
      if (Number(order) % 3 === 0) sockets.at(-1)?.terminate();
    };
    client.activate();
    const all = Array.from({ length: 12 }, (_, i) => `${i}`);
    await Promise.all(
      all.map((body) => resuming(client).publish({ destination: "/app/order", body }, { retry: true })),
    );

    expect(orders.taken).to.deep.equal(all);
    expect(sockets.length).to.be.above(1);
    expect(server.messaging.stats().repeatedSends).to.be.above(0);
  });

  it("sends again what was not confirmed, under its id, and not what was", async () => {
    const { client, stub } = await startStub();
    const live = resuming(client);
    client.activate();
    const first = live.publish({ destination: "/a", body: "1", headers: { color: "red" } }, { retry: true });
    const second = live.publish({ destination: "/a", body: "2" }, { retry: true });
    const line = await stub.line();
    const sent = [await line.until("SEND"), await line.until("SEND")];
    line.confirm(sent[0]!);
    await first;
    line.cut();
    const third = live.publish({ destination: "/a", body: "3" }, { retry: true });

    const next = await stub.line();
    const again = [await next.until("SEND"), await next.until("SEND")];
    expect(again.map(({ body }) => body)).to.deep.equal(["2", "3"]);
    expect(again[0]!.headers.get("dedup-id")).to.equal(sent[1]!.headers.get("dedup-id"));
    expect(sent[0]!.headers.get("color")).to.equal("red");
    for (const frame of again) next.confirm(frame);
    await Promise.all([second, third]);
  });

  it("rejects with what ERROR says of it, and is not sent again", async () => {
    const { client, stub } = await startStub();
    const live = resuming(client);
    let errors = 0;
    client.onStompError = () => errors++;
    client.activate();
    const refused = rejection(live.publish({ destination: "/a", body: "1" }, { retry: true }));
    const other = live.publish({ destination: "/a", body: "2" }, { retry: true });
    const line = await stub.line();
    const receipt = (await line.until("SEND")).headers.get("receipt") ?? "";
    line.send("ERROR", { message: "No such order", "receipt-id": receipt });
    expect(await refused).to.equal("No such order");
    line.cut();

    const next = await stub.line();
    const again = await next.until("SEND");
    expect(again.body).to.equal("2");
    next.confirm(again);
    await other;
    expect(errors).to.equal(1);
  });

  it("rejects when it was not confirmed in five minutes: a server knows its id no longer", async () => {
    const { client, stub } = await startStub();
    const { now } = Date;
    try {
      client.activate();
      const live = resuming(client);
      const lost = rejection(live.publish({ destination: "/a", body: "1" }, { retry: true }));
      const line = await stub.line();
      await line.until("SEND");
      Date.now = () => now() + 5 * 60_000;
      line.cut();
      expect(await lost).to.contain("not confirmed in five minutes");
      void live.publish({ destination: "/a", body: "2" }, { retry: true });
      expect((await (await stub.line()).until("SEND")).body).to.equal("2");
    } finally {
      Date.now = now;
    }
  });

  it("rejects the 1,001st that waits, and a second one under the same id", async () => {
    const { client } = await startStub();
    const live = resuming(client);
    const named = { destination: "/a", headers: { "dedup-id": "mine" } };
    void live.publish(named, { retry: true });
    expect(await rejection(live.publish(named, { retry: true }))).to.contain("mine waits for its receipt");
    for (let i = 1; i < 1_000; i++) void live.publish({ destination: "/a" }, { retry: true });
    expect(await rejection(live.publish({ destination: "/a" }, { retry: true }))).to.contain(
      "1000 messages wait",
    );
  });

  it("without retry is the client's own, faults too", async () => {
    const { client, stub } = await startStub();
    const live = resuming(client);
    expect(await rejection(live.publish({ destination: "/a" }))).to.contain("no underlying STOMP connection");
    const connected = new Promise<void>((resolve) => {
      client.onConnect = () => resolve();
    });
    client.activate();
    await connected;
    await live.publish({ destination: "/a", body: "x", headers: { color: "red" } });
    const { headers, body } = await (await stub.line()).until("SEND");
    expect([headers.get("color"), headers.has("receipt"), headers.has("dedup-id"), body]).to.deep.equal([
      "red",
      false,
      false,
      "x",
    ]);
  });
});
