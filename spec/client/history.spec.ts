import { Client } from "@stomp/stompjs";
import { expect } from "chai";
import { simpleBroker } from "express-stomp";
import { type PlaceOptions, resuming } from "express-stomp/client";
import WebSocket from "ws";
import { startServer, type TestServer } from "../support/server.js";

const ROOM = "/topic/room/7";

describe("resuming(client) with a server that has history", () => {
  let server: TestServer;
  let client: Client;
  let sockets: WebSocket[];
  let heard: string[];
  let look: () => void;

  async function start(size: number) {
    server = await startServer({
      broker: simpleBroker({
        destinationPrefixes: ["/topic"],
        history: { destinations: ["/topic/room/**"], size, ttl: 60_000 },
      }),
    });
    sockets = [];
    heard = [];
    look = () => {};
    client = new Client({
      webSocketFactory: () => {
        const socket = new WebSocket(`ws://127.0.0.1:${server.port}/ws`, ["v12.stomp"]);
        sockets.push(socket);
        return socket;
      },
      reconnectDelay: 1,
    });
  }

  function note(text: string): void {
    heard.push(text);
    look();
  }

  async function until(text: string): Promise<void> {
    while (!heard.includes(text)) {
      await new Promise<void>((resolve) => {
        look = resolve;
      });
    }
  }

  function subscribe(options: PlaceOptions = {}) {
    return resuming(client).subscribe(ROOM, ({ body }) => note(body), {
      onReload: () => note("reload"),
      ...options,
    });
  }

  /** Lets the client come back when what this gives is called, and not before. */
  function keepAway(): () => void {
    let comeBack = () => {};
    const isBack = new Promise<void>((resolve) => {
      comeBack = resolve;
    });
    client.beforeConnect = () => isBack;
    return () => comeBack();
  }

  const publish = (body: string) => server.messaging.template.convertAndSend(ROOM, body);
  const subscribed = () => new Promise((resolve) => server.messaging.on("subscribed", resolve));
  const gone = () => new Promise((resolve) => server.messaging.on("disconnect", resolve));

  afterEach(async () => {
    await client.deactivate({ force: true });
    await server.close();
  });

  it("hears each message once and in order, wherever the line is cut", async () => {
    const count = 30;
    await start(count);
    const first = subscribed();
    subscribe();
    client.activate();
    await first;
    await publish("begin");
    await until("begin");
    let again: Promise<unknown> = Promise.resolve();
    for (let i = 0; i < count; i++) {
      if (i % 3 === 0) {
        // Behind what it was sent, or in the midst of it.
        await again;
        if (i % 2 === 0 && i > 0) await until(`${i - 1}`);
        const over = gone();
        again = subscribed();
        sockets.at(-1)?.terminate();
        await over;
      }
      await publish(`${i}`);
    }
    await until(`${count - 1}`);

    expect(heard).to.deep.equal(["begin", ...Array.from({ length: count }, (_, i) => `${i}`)]);
    expect(sockets.length).to.be.above(count / 4);
  });

  it("is told to reload when more was missed than is kept", async () => {
    await start(3);
    const first = subscribed();
    subscribe();
    client.activate();
    await first;
    await publish("begin");
    await until("begin");
    const comeBack = keepAway();
    const over = gone();
    sockets[0]!.terminate();
    await over;
    for (let i = 0; i < 5; i++) await publish(`${i}`);
    const again = subscribed();
    comeBack();
    await again;
    await publish("next");
    await until("next");

    expect(heard).to.deep.equal(["begin", "reload", "next"]);
  });

  it("is told to reload when it had found nothing that was kept, and more than is kept came then", async () => {
    await start(3);
    const first = subscribed();
    subscribe({ since: "first" });
    client.activate();
    await first;
    // Behind what the room's SUBSCRIBE is told.
    const second = subscribed();
    resuming(client).subscribe("/topic/other", ({ body }) => note(body));
    await second;
    await server.messaging.template.convertAndSend("/topic/other", "told");
    await until("told");
    const comeBack = keepAway();
    const over = gone();
    sockets[0]!.terminate();
    await over;
    for (let i = 0; i < 5; i++) await publish(`${i}`);
    const again = subscribed();
    comeBack();
    await again;
    await publish("next");
    await until("next");

    expect(heard).to.deep.equal(["told", "reload", "next"]);
  });

  it("begins with all that is kept, or behind the position of a page's state", async () => {
    await start(10);
    for (const body of ["1", "2"]) await publish(body);
    const { position } = await server.messaging.history(ROOM);
    await publish("3");
    subscribe({ since: "first" });
    client.activate();
    await until("3");
    expect(heard).to.deep.equal(["1", "2", "3"]);
    heard.length = 0;
    subscribe({ since: position });
    await until("3");
    expect(heard).to.deep.equal(["3"]);
  });
});
