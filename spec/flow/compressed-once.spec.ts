import { createHook } from "node:async_hooks";
import { randomBytes } from "node:crypto";
import { expect } from "chai";
import type { TransportOptions } from "express-stomp";
import { RawClient } from "../support/raw-client.js";
import { startServer, type TestServer } from "../support/server.js";
import { type WebSocketLine as Line, told, WebSocketLine } from "../support/web-socket-line.js";

const TEXT = 0x81;
const COMPRESSED = 0xc1;
const BINARY = 0x82;
const CLOSE = 0x88;
const PONG = 0x8a;

const OFFER = "permessage-deflate; client_max_window_bits";
const TOPIC = "/topic/a";
const COMPRESSES = { perMessageDeflate: true };

/** JSON that is somewhat longer than so many bytes. */
function json(length: number, text = ""): string {
  const rows: object[] = [];
  for (let written = 0; written < length; ) {
    const row = { id: rows.length, name: `user${(rows.length * 7919) % 1000}`, text };
    written += JSON.stringify(row).length;
    rows.push(row);
  }
  return JSON.stringify(rows);
}

const plain = { "content-type": "text/plain" };

describe("A message to clients that agreed on compression", () => {
  let server: TestServer;
  let lines: Line[];
  /** How many compressors were made, by us or by ws; what reads compressed messages counts, too. */
  let compressors: number;
  const hook = createHook({
    init(_id, type) {
      if (type === "ZLIB") compressors++;
    },
  });

  beforeEach(async () => {
    lines = [];
    server = await startServer({ transport: { ...COMPRESSES, sendBufferSizeLimit: 16 * 1024 * 1024 } });
    compressors = 0;
    hook.enable();
  });

  afterEach(async () => {
    hook.disable();
    for (const { line } of lines) line.destroy();
    await server.close();
  });

  async function restart(transport: TransportOptions): Promise<void> {
    await server.close();
    server = await startServer({ transport: { ...COMPRESSES, ...transport } });
  }

  async function subscribe(offer: string | undefined, id?: string, topic = TOPIC): Promise<Line> {
    const line = await WebSocketLine.subscribe(server.port, topic, offer, id);
    lines.push(line);
    return line;
  }

  const publish = (body: string) => server.messaging.template.convertAndSend(TOPIC, body, plain);

  it("is compressed once, and the same bytes for all, whatever they offered", async () => {
    const offers = [
      OFFER,
      "permessage-deflate",
      "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
      "permessage-deflate; server_max_window_bits=12",
      "permessage-deflate; server_max_window_bits=15; client_max_window_bits=9",
    ];
    const packed = await Promise.all(offers.map((offer) => subscribe(offer)));
    const unpacked = [
      await subscribe(undefined),
      await subscribe("permessage-deflate; server_max_window_bits=9"),
    ];
    for (const { extensions } of unpacked) expect(extensions).to.equal(undefined);

    await publish(json(1_100, "한"));

    const first = async (line: Line) => (await line.arrived(1))[0];
    const [one, ...others] = await Promise.all(packed.map(first));
    const [whole, too] = await Promise.all(unpacked.map(first));
    expect(compressors).to.equal(1);
    expect(whole?.first).to.equal(TEXT);
    expect(too).to.deep.equal(whole);
    expect(one?.first).to.equal(COMPRESSED);
    expect(told(one!).toString()).to.equal(whole?.payload.toString()).and.to.include("한");
    expect(one?.payload.length).to.be.below((whole?.payload.length ?? 0) / 2);
    for (const other of others) expect(other).to.deep.equal(one);
  });

  it("is compressed once for subscriptions of different ids, and each has its own", async () => {
    const ids = Array.from({ length: 20 }, (_, i) => `mine-${i}`);
    const subscribed = await Promise.all(ids.map((id) => subscribe(OFFER, id)));

    for (let i = 0; i < 3; i++) await publish(json(5_000, `${i}`));

    const all = await Promise.all(subscribed.map((line) => line.arrived(3)));
    expect(compressors).to.equal(3);
    for (const [i, frames] of all.entries()) {
      expect(frames.map(({ first }) => first)).to.deep.equal([COMPRESSED, COMPRESSED, COMPRESSED]);
      expect(frames.map((frame) => told(frame).toString())).to.satisfy((texts: string[]) =>
        texts.every(
          (text, number) =>
            text.includes(`\nsubscription:mine-${i}\n`) && text.endsWith(`${json(5_000, `${number}`)}\0`),
        ),
      );
    }
  });

  it("has headers of any length, an application's and a subscriber's own", async () => {
    const id = "i".repeat(60);
    const line = await subscribe(OFFER, id);
    const headers = { ...plain, long: json(3_000).slice(0, 3_000), short: "s" };

    await server.messaging.template.convertAndSend(TOPIC, "short", headers);
    await server.messaging.template.convertAndSend(TOPIC, "", headers);

    const frames = await line.arrived(2);
    for (const [i, body] of ["short", ""].entries()) {
      expect(frames[i]?.first).to.equal(COMPRESSED);
      const text = told(frames[i]!).toString();
      expect(text)
        .to.include(`\nsubscription:${id}\n`)
        .and.to.match(new RegExp(`\n\n${body}\0$`));
      expect(text).to.include(headers.long.replaceAll(":", "\\c"));
    }
  });

  it("is not compressed when it is short, or would not become shorter", async () => {
    const line = await subscribe(OFFER);

    await publish("short");
    await server.messaging.template.convertAndSend(TOPIC, new Uint8Array(randomBytes(5_000)));
    await publish(json(1_024));

    const frames = await line.arrived(3);
    expect(frames.map(({ first }) => first)).to.deep.equal([TEXT, BINARY, COMPRESSED]);
  });

  it("keeps its order among others, short and long, and what ws sends by itself stands between", async () => {
    const line = await subscribe(OFFER);
    const other = await subscribe(OFFER, "other");
    const plainly = await subscribe(undefined);
    // Around the lengths at which a frame's head grows, and from where on it is compressed beside the event loop.
    const lengths = [10, 1_000, 1_024, 65_300, 65_536, 70_000, 20, 300_000, 1_024, 5, 66_000, 1];
    const bodies = [...lengths, ...lengths].map((length, i) => json(length, `${i}`));

    line.send("beat", 9);
    for (const body of bodies) void publish(body);
    line.send("beat", 9);

    const texts = (client: Line) =>
      client.frames
        .filter(({ first }) => first !== PONG)
        .map((frame) => told(frame).toString().split("\n\n")[1]?.slice(0, -1));
    await plainly.arrived(bodies.length);
    await other.arrived(bodies.length);
    await line.arrived(bodies.length + 2);
    for (const client of [line, other, plainly]) expect(texts(client)).to.deep.equal(bodies);
    expect(line.frames.filter(({ first }) => first === PONG)).to.have.length(2);
    expect(line.frames.filter(({ first }) => first === COMPRESSED)).to.have.length.above(10);
  });

  it("is read by a client of ws, with what that offers", async () => {
    const client = await RawClient.connect(server.port);
    expect(client.webSocket.extensions).to.equal("permessage-deflate");
    client.send(`SUBSCRIBE\nid:a\ndestination:${TOPIC}\n\n^@`);
    await client.synchronize();
    const bodies = [1, 1_000, 1_024, 4_096, 65_536, 200_000, 1].map((length) => json(length, "한"));

    for (const body of bodies) void publish(body);

    for (const body of bodies)
      expect(await client.frame())
        .to.match(/^MESSAGE\n/)
        .and.to.include(body);
    client.cut();
  });

  it("leaves before the close that follows it, however long compressing takes", async () => {
    const line = await subscribe(OFFER);
    const body = json(1_000_000);

    await publish(body);
    line.send("DISCONNECT\nreceipt:bye\n\n\0");

    const [message, receipt, close] = await line.arrived(3);
    expect(told(message!).toString()).to.include(body);
    expect(told(receipt!).toString()).to.equal("RECEIPT\nreceipt-id:bye\n\n\0");
    expect(close?.first).to.equal(CLOSE);
  });

  it("leaves before a close that comes while it is being compressed, and nothing behind", async () => {
    const line = await subscribe(OFFER);
    const body = json(1_000_000);

    await publish(body);
    await server.messaging.disconnect({ sessionId: line.sessionId });
    await publish("too late");

    const frames = await line.arrived(3);
    expect(told(frames[0]!).toString()).to.include(body);
    expect(frames.at(-1)?.first).to.equal(CLOSE);
    expect(frames.filter((frame) => told(frame).toString().includes("too late"))).to.have.length(0);
  });

  it("is forgotten when the client leaves while it is being compressed", async () => {
    const line = await subscribe(OFFER);
    const stays = await subscribe(OFFER);

    await publish(json(1_000_000));
    line.line.destroy();

    expect(told((await stays.arrived(1))[0]!).length).to.be.above(1_000_000);
    expect(stays.frames).to.have.length(1);
  });

  it("counts as waiting, compressed, while its client does not read, and ends that client like any other", async () => {
    await restart({ sendBufferSizeLimit: 100_000 });
    const line = await subscribe(OFFER);
    const limits: string[] = [];
    server.messaging.on("limitExceeded", ({ limit }) => void limits.push(limit));
    line.line.pause();

    const noise = randomBytes(30_000).toString("base64");
    while (limits.length === 0) await publish(noise);

    expect(limits).to.deep.equal(["sendBufferSizeLimit"]);
  });

  for (const overflowStrategy of ["drop-oldest", "keep-latest"] as const) {
    it(`is compressed once where ${overflowStrategy} may drop it, and nothing that is sent is broken`, async () => {
      await restart({ overflowStrategy });
      const subscribed = [await subscribe(OFFER), await subscribe(OFFER), await subscribe(OFFER)];
      const bodies = Array.from({ length: 5 }, (_, i) => json(2_000, `${i}`));

      for (const body of bodies) await publish(body);

      const all = await Promise.all(subscribed.map((line) => line.arrived(bodies.length)));
      expect(compressors).to.equal(bodies.length);
      for (const frames of all) {
        expect(frames.map((frame) => told(frame).toString().split("\n\n")[1])).to.deep.equal(
          bodies.map((body) => `${body}\0`),
        );
      }
    });
  }

  it("is compressed once for SockJS by WebSocket, too, whatever the ids", async () => {
    const open = async (id: string) => {
      const line = await WebSocketLine.open(server.port, OFFER, { path: `/ws/000/${id}/websocket` });
      lines.push(line);
      line.send(JSON.stringify(["CONNECT\naccept-version:1.2\nhost:spec\n\n\0"]));
      await line.arrived(2);
      line.send(JSON.stringify([`SUBSCRIBE\nid:${id}\ndestination:${TOPIC}\nreceipt:r\n\n\0`]));
      await line.arrived(3);
      return line;
    };
    const ids = ["one", "two", "it's"];
    const sessions = await Promise.all(ids.map(open));
    const body = json(100_000, "한");

    await publish("short");
    await publish(body);
    await publish("short");

    const all = await Promise.all(sessions.map((line) => line.arrived(6)));
    expect(compressors).to.equal(1);
    for (const [i, id] of ids.entries()) {
      const frames = all[i]?.slice(3) ?? [];
      expect(frames.map(({ first }) => first)).to.deep.equal([TEXT, COMPRESSED, TEXT]);
      const [message = ""] = JSON.parse(told(frames[1]!).toString("utf8", 1)) as string[];
      expect(message.split("\n\n")[1]).to.equal(`${body}\0`);
      expect(message).to.include(`\nsubscription:${id}\n`);
    }
  });
});
