import { once } from "node:events";
import { expect } from "chai";
import SockJS from "sockjs-client";
import WebSocket from "ws";
import { RawClient } from "../../support/raw-client.js";
import { connected, cook, hear } from "./kitchen.js";

describe("The recipe", () => {
  let close: (() => Promise<void>) | undefined;

  afterEach(async () => {
    await close?.();
    close = undefined;
  });

  it("token-expiry: asks for the next token before one expires, and ends the session of who has logged out", async function () {
    this.timeout(60_000);
    const kitchen = await cook(() => import("../../../example/recipes/token-expiry.js"), {
      // A notice that comes before the client has subscribed comes again at half of the time.
      TOKEN_LIFETIME: "16s",
    });
    close = kitchen.close;
    const { port, recipe } = kitchen;
    const tokens: string[] = [];
    const client = recipe.tokenClient("", async () => {
      const answer = await fetch(`http://127.0.0.1:${port}/token/rod`, { method: "POST" });
      tokens.push(await answer.text());
      return tokens.at(-1)!;
    });
    client.webSocketFactory = () => new WebSocket(`ws://127.0.0.1:${port}/ws`, ["v12.stomp"]);
    client.reconnectDelay = 0;
    const expiring = new Promise<void>((resolve) => recipe.messaging.on("expiring", () => resolve()));
    const taken = new Promise<void>((resolve) => {
      recipe.messaging.clientInboundChannel.addInterceptor({
        afterSendCompletion({ headers }, _channel, _sent, error) {
          if (headers.destination === undefined && headers.messageType === "MESSAGE" && !error) resolve();
        },
      });
    });
    await connected(client);
    await expiring;
    await taken;
    expect(tokens).to.have.length(2);

    const ended = new Promise<string>((resolve) => {
      client.onStompError = ({ headers }) => resolve(headers.message!);
    });
    await fetch(`http://127.0.0.1:${port}/logout/rod`, { method: "POST" });
    expect(await ended).to.equal("You have logged out");
    await client.deactivate();

    const stranger = await RawClient.open(port);
    stranger.send("CONNECT\naccept-version:1.2\nhost:x\nAuthorization:Bearer nonsense\n\n^@");
    expect(await stranger.frame()).to.match(/^ERROR\n.*message:The token is not valid\n/s);
  });

  it("session-handshake: lets nobody connect who is not logged in", async () => {
    const kitchen = await cook(() => import("../../../example/recipes/session-handshake.js"));
    close = kitchen.close;
    const { port } = kitchen;
    const refused = new WebSocket(`ws://127.0.0.1:${port}/ws`, ["v12.stomp"]);
    const [, response] = await once(refused, "unexpected-response");
    expect(response.statusCode).to.equal(401);
    response.destroy();

    const login = await fetch(`http://127.0.0.1:${port}/login/rod`, { method: "POST" });
    const cookie = login.headers.get("set-cookie")!.split(";")[0]!;
    const client = kitchen.client("", { headers: { cookie } });
    await connected(client);
    const who = await hear(client, "/user/queue/who");
    client.publish({ destination: "/app/who" });
    expect((await who.next()).body).to.equal("rod");
  });

  it("denied-wildcard: denies a pattern that reaches what is denied", async () => {
    const kitchen = await cook(() => import("../../../example/recipes/denied-wildcard.js"));
    close = kitchen.close;
    const { port, recipe, log } = kitchen;
    for (const [user, destination, isGranted] of [
      ["rod", "/topic/news", true],
      ["rod", "/topic/rooms/8", true],
      ["rod", "/topic/rooms/7", false],
      ["rod", "/topic/rooms/*", false],
      ["rod", "/topic/*/7", false],
      ["rod", "/topic/**", false],
      ["rod", "/topic/staff/pay", false],
      ["mina", "/topic/staff/*", true],
      ["mina", "/topic/rooms/7", true],
    ] as const) {
      const client = await RawClient.connect(port, "", `/ws?user=${user}`);
      client.send(`SUBSCRIBE\nid:1\ndestination:${destination}\nreceipt:r\n\n^@`);
      expect(await client.frame(), `${user} ${destination}`).to.match(isGranted ? /^RECEIPT\n/ : /^ERROR\n/);
      client.cut();
    }
    const sender = await RawClient.connect(port, "", "/ws?user=mina");
    sender.send("SEND\ndestination:/topic/staff/pay\n\nmore^@");
    expect(await sender.frame()).to.match(/^ERROR\n/);
    const stranger = await RawClient.open(port);
    stranger.send("CONNECT\naccept-version:1.2\nhost:x\n\n^@");
    expect(await stranger.frame()).to.match(/^ERROR\n/);

    expect(log.join("\n")).to.match(/^denied: rod at \/topic\/\*\*, by rule /m);
    const decision = await recipe.security.decide(
      { name: "x" },
      { type: "MESSAGE", destination: "/topic/a" },
    );
    expect(decision.granted).to.equal(false);
  });

  it("rate-limit: drops what is beyond, tells the sender, and lets the session live", async () => {
    const kitchen = await cook(() => import("../../../example/recipes/rate-limit.js"));
    close = kitchen.close;
    const client = kitchen.client();
    await connected(client);
    const chat = await hear(client, "/topic/chat");
    const errors = await hear(client, "/user/queue/errors");
    for (let i = 0; i < 20; i++) client.publish({ destination: "/app/say", body: `${i}` });

    expect((await chat.next()).body).to.equal("0");
    const { destination, message, retry } = (await errors.json()) as Record<string, unknown>;
    expect([destination, message]).to.deep.equal(["/app/say", "More than 5 SEND in 1000 ms"]);
    expect(retry).to.be.within(1, 200);
    expect(client.connected).to.equal(true);
  });

  it("behind-a-proxy: knows its own pages by https, refuses others, offers heart-beats and SockJS", async () => {
    const kitchen = await cook(() => import("../../../example/recipes/behind-a-proxy.js"));
    close = kitchen.close;
    const { port, recipe, log } = kitchen;
    const headers = { Host: "chat.example", "X-Forwarded-Proto": "https" };
    const client = await RawClient.open(port, "/ws", { origin: "https://chat.example", headers });
    client.send("CONNECT\naccept-version:1.2\nhost:x\nheart-beat:10000,10000\n\n^@");
    expect(await client.frame()).to.match(/^CONNECTED\n.*heart-beat:10000,10000\n/s);
    client.cut();

    const refused = new WebSocket(`ws://127.0.0.1:${port}/ws`, ["v12.stomp"], {
      origin: "https://evil.example",
      headers,
    });
    const [, response] = await once(refused, "unexpected-response");
    expect(response.statusCode).to.equal(403);
    response.destroy();
    expect(log.join("\n")).to.match(/^refused with 403, origin: .*evil\.example/m);

    const streaming = kitchen.client();
    streaming.webSocketFactory = () =>
      new SockJS(`http://127.0.0.1:${port}/ws`, null, { transports: "xhr-streaming" });
    await connected(streaming);
    const news = await hear(streaming, "/topic/news");
    await recipe.messaging.template.convertAndSend("/topic/news", "over HTTP");
    expect((await news.next()).body).to.equal("over HTTP");
  });
});
