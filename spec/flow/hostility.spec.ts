import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { connect as connectTcp, createServer, type Socket as TcpSocket } from "node:net";
import { expect } from "chai";
import {
  Controller,
  MessageMapping,
  type MessagingEvents,
  Payload,
  simpleBroker,
  type TransportOptions,
} from "express-stomp";
import { RawClient } from "../support/raw-client.js";
import { startServer, type TestServer } from "../support/server.js";
import { converse, handshakeText } from "../support/socket-host.js";

@Controller()
class Inbox {
  readonly bodies: string[] = [];

  @MessageMapping("/**")
  take(@Payload() body: string) {
    this.bodies.push(body);
  }
}

@Controller()
class JsonInbox {
  readonly values: unknown[] = [];

  @MessageMapping("/json")
  take(@Payload() value: object) {
    this.values.push(value);
  }
}

const CONNECT = "CONNECT\naccept-version:1.2\nhost:spec\n\n^@";

describe("A hostile client", () => {
  let server: TestServer;
  let inbox: Inbox;
  let json: JsonInbox;
  const clients: RawClient[] = [];

  async function start(transport: TransportOptions = {}) {
    inbox = new Inbox();
    json = new JsonInbox();
    server = await startServer({
      controllers: [json, inbox],
      broker: simpleBroker({ destinationPrefixes: ["/topic"], heartbeatValue: [10_000, 200] }),
      transport,
    });
  }

  async function open(port = server.port) {
    const client = await RawClient.open(port);
    clients.push(client);
    return client;
  }

  async function connect(headers?: string, port = server.port) {
    const client = await RawClient.connect(port, headers);
    clients.push(client);
    return client;
  }

  afterEach(async () => {
    for (const client of clients.splice(0)) client.cut();
    await server.close();
  });

  describe("that connects", () => {
    it("hears one CONNECTED though it sends CONNECT a thousand times", async () => {
      await start();
      const client = await open();

      for (let i = 0; i < 10; i++) client.send(CONNECT.repeat(100));

      expect(await client.frame()).to.match(/^CONNECTED\n/);
      expect(await client.frame()).to.include("message:CONNECT came twice\\c already connected\n");
      expect(await client.closed()).to.equal(1002);
      expect(server.messaging.stats().errorsSent).to.equal(1);
    });

    it("may name any host, or none: there is one", async () => {
      await start();
      for (const host of ["host:elsewhere.example\n", ""]) {
        const client = await open();
        client.send(`CONNECT\naccept-version:1.2\n${host}\n^@`);
        expect(await client.frame()).to.match(/^CONNECTED\n/);
      }
    });

    for (const [offered, version] of [
      ["1.0,1.1,1.2,9.9", "1.2"],
      [",,1.1,", "1.1"],
      ["garbage", undefined],
      ["2.0", undefined],
      ["", undefined],
    ] as const) {
      it(`with accept-version "${offered}" ${version ? `gets ${version}` : "is told the versions there are"}`, async () => {
        await start();
        const client = await open();

        client.send(`CONNECT\naccept-version:${offered}\nhost:spec\n\n^@`);

        expect(await client.frame()).to.include(
          version ? `\nversion:${version}\n` : "\nversion:1.0,1.1,1.2\n",
        );
      });
    }

    for (const heartBeat of ["-1,0", "10000", "1,2,3", "1e3,0", "0x10,0", "", "NaN,NaN", "1.5,2"]) {
      it(`is refused with heart-beat "${heartBeat}"`, async () => {
        await start();
        const client = await open();

        client.send(`CONNECT\naccept-version:1.2\nhost:spec\nheart-beat:${heartBeat}\n\n^@`);

        expect(await client.frame()).to.match(/^ERROR\nmessage:heart-beat is not two numbers/);
        expect(await client.closed()).to.equal(1002);
      });
    }

    it("opens a socket with sub-protocols of others, and speaks STOMP", async () => {
      await start();
      // ws refuses an answer without one of those it offered; a browser does so too.
      const answer = await new Promise<string>((resolve) => {
        const line = connectTcp(server.port, "127.0.0.1");
        line.write(handshakeText("/ws", { "Sec-WebSocket-Protocol": "mqtt, graphql-ws" }));
        line.once("data", (data) => {
          line.destroy();
          resolve(data.toString());
        });
      });

      expect(answer).to.match(/^HTTP\/1\.1 101 /);
      expect(answer).to.not.match(/sec-websocket-protocol/i);
    });

    it("reads nothing of its Authorization in an answer or the log", async () => {
      await start();

      const answer = await converse(
        server.port,
        handshakeText("/ws", {
          Authorization: "Bearer SECRET",
          Cookie: "id=SECRET",
          "Sec-WebSocket-Key": "bad",
        }),
      );

      expect(answer).to.match(/^HTTP\/1\.1 400 /);
      expect(answer + server.log.join("\n")).to.not.include("SECRET");
    });
  });

  describe("that does not do its part", () => {
    it("keeps nobody waiting with hundreds of half frames, and is gone at the deadline", async function () {
      this.timeout(60_000);
      await start({ connectTimeLimit: 1_000 });
      const halves = await Promise.all(Array.from({ length: 200 }, () => open()));
      for (const half of halves) half.send("CONNECT\naccept-version:1.2\nho");

      const client = await connect();
      expect(await client.synchronize()).to.deep.equal([]);

      for (const half of halves) {
        expect(await half.frame()).to.include("connectTimeLimit");
        expect(await half.closed()).to.equal(4500);
      }
    });

    it("is reaped when its line is half open, and its disconnect announced once", async () => {
      await start();
      const proxy = await blackHole(server.port);
      const ends: MessagingEvents["disconnect"][] = [];
      server.messaging.on("disconnect", (event) => void ends.push(event));
      const ended = new Promise((resolve) => server.messaging.on("sessionError", resolve));
      await connect("heart-beat:200,0\n", proxy.port);

      proxy.swallow();
      await ended;
      await proxy.close();
      while (server.messaging.stats().connections > 0) await new Promise(setImmediate);

      expect(ends).to.have.length(1);
    });

    it("that reads nothing is cut while fifty others get every message", async function () {
      this.timeout(60_000);
      await start({ sendBufferSizeLimit: 256 * 1024 });
      const all = await Promise.all(Array.from({ length: 51 }, () => connect("heart-beat:0,0\n")));
      for (const client of all) client.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
      await Promise.all(all.map((client) => client.synchronize()));
      const [slow, ...others] = all as [RawClient, ...RawClient[]];
      let cut = false;
      server.messaging.on("limitExceeded", () => {
        cut = true;
      });

      slow.webSocket.pause();
      let published = 0;
      const body = Buffer.alloc(30_000, "x");
      for (; !cut && published < 1_000; published++) {
        await server.messaging.template.convertAndSend("/topic/a", body);
        await Promise.all(others.map((client) => client.frame()));
      }

      expect(cut).to.equal(true);
      expect(await others[0]?.synchronize()).to.deep.equal([]);
    });
  });
});

/** A line to a port that can stop carrying anything, without anybody being told. */
async function blackHole(target: number) {
  const lines = new Set<TcpSocket>();
  const proxy = createServer((near) => {
    const far = connectTcp(target, "127.0.0.1");
    near.pipe(far, { end: false });
    far.pipe(near, { end: false });
    for (const line of [near, far]) {
      lines.add(line);
      line.on("error", () => {});
    }
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  return {
    port: (proxy.address() as { port: number }).port,
    swallow() {
      for (const line of lines) line.unpipe().resume();
    },
    async close() {
      for (const line of lines) line.destroy();
      proxy.close();
      await once(proxy, "close");
    },
  };
}

describe("The library", () => {
  it("makes no id of Math.random, and evaluates no text", () => {
    const sources = readdirSync("lib", { recursive: true, encoding: "utf8" }).filter((file) =>
      file.endsWith(".ts"),
    );
    const banned = /Math\.random|\beval\(|new Function\b/;

    expect(sources.filter((file) => banned.test(readFileSync(`lib/${file}`, "utf8")))).to.deep.equal([]);
  });
});
