import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { expect } from "chai";
import { MessageDeliveryError } from "express-stomp";
import { CERTIFICATE, KEY } from "../../support/certificate.js";
import { rejection } from "../../support/channels.js";
import { expectEnd, RelayStage, type RelayStageOptions } from "../../support/relay-stage.js";
import type { ScriptedLine } from "../../support/scripted-broker.js";

describe("The line to the broker", () => {
  let stage: RelayStage;
  let system: ScriptedLine;
  const servers: Server[] = [];

  async function start(options: RelayStageOptions = {}) {
    stage = await RelayStage.open(options);
    system = await stage.system();
  }

  async function listening(server: Server): Promise<number> {
    servers.push(server);
    await once(server.listen(0, "127.0.0.1"), "listening");
    return (server.address() as AddressInfo).port;
  }

  /** Waits until the first line to a server is over. */
  function lineClosed(server: Server): Promise<void> {
    return new Promise((resolve) => {
      server.once("connection", (socket) => socket.once("close", () => resolve()));
    });
  }

  afterEach(async () => {
    await stage.close();
    for (const server of servers.splice(0)) server.close();
  });

  it("gives up a line on which nobody answers", async () => {
    const server = createServer((socket) => socket.on("error", () => {}).resume());
    const given = lineClosed(server);
    const port = await listening(server);
    stage = await RelayStage.open({ relay: { relayPort: port, tls: true, connectTimeout: 50 } });
    await given;
    expect(stage.server.log.join("\n")).to.include("did not let us connect in time");
  });

  describe("with TLS", () => {
    async function tlsBroker(): Promise<number> {
      return listening(
        createTlsServer({ key: KEY, cert: CERTIFICATE }, (socket) => {
          socket.on("error", () => {});
          socket.once("data", () => {
            socket.write("CONNECTED\nversion:1.2\n\n\0");
            // Nothing is to be confirmed but the goodbye.
            socket.once("data", () => socket.end());
          });
        }),
      );
    }

    it("speaks it with a broker whose certificate it trusts", async () => {
      const relayPort = await tlsBroker();
      stage = await RelayStage.open({
        relay: { relayHost: "localhost", relayPort, tls: { ca: CERTIFICATE } },
      });
      await stage.available();
      await stage.server.close();
    });

    it("does not speak with a broker whom nobody knows", async () => {
      const relayPort = await tlsBroker();
      const refused = lineClosed(servers.at(-1)!);
      stage = await RelayStage.open({ relay: { relayHost: "localhost", relayPort, tls: true } });
      await refused;
      expect(stage.server.log.join("\n")).to.match(/cannot be reached: self.signed certificate/);
      expect(stage.server.messaging.isBrokerAvailable()).to.equal(false);
    });
  });

  describe("when one end is slow", function () {
    this.timeout(60_000);
    const SIZE = 8 * 1024;
    const COUNT = 4_000;
    const body = "x".repeat(SIZE);
    const total = SIZE * COUNT;

    let lines: Socket[];

    /** The server's side of a client's connection. */
    async function knocked() {
      lines = [];
      stage.server.server.on("connection", (socket) => lines.push(socket));
      const { client, line } = await stage.knock();
      await client.frame();
      await line.until("CONNECT");
      client.send("SUBSCRIBE\nid:s\ndestination:/topic/a\nreceipt:r\n\n^@");
      await line.until("SUBSCRIBE");
      expect(await client.frame()).to.include("receipt-id:r\n");
      return { client, line, own: lines[0]! };
    }

    /** Waits until something holds, and goes on to hold while others do a lot. */
    async function still(holds: () => boolean): Promise<void> {
      for (let times = 0; times < 50; ) {
        await stage.server.messaging.template.convertAndSend("/topic/elsewhere", "time passes");
        times = holds() ? times + 1 : 0;
      }
    }

    function flood(line: ScriptedLine) {
      for (let n = 0; n < COUNT; n++) {
        line.send("MESSAGE", { subscription: "s", destination: "/topic/a", "message-id": `${n}` }, body);
      }
    }

    it("leaves at the broker what a client does not read, and delivers all of it in the end", async () => {
      await start({ server: { transport: { sendBufferSizeLimit: 64 * 1024, sendTimeLimit: 60_000 } } });
      const { client, line, own } = await knocked();
      client.webSocket.pause();
      flood(line);
      // A quarter of the limit: from there on the broker is made to wait.
      await still(() => own.writableLength > 16 * 1024);
      expect(own.writableLength).to.be.at.most(64 * 1024);
      // What is neither here nor there is in the buffers of the two lines.
      expect(line.socket.writableLength).to.be.greaterThan(total / 3);

      client.webSocket.resume();
      for (let n = 0; n < COUNT; n++) {
        if (!(await client.frame()).includes(`\nmessage-id:${n}\n`)) throw new Error(`not message ${n}`);
      }
      expect(stage.server.messaging.stats().limitsExceeded).to.deep.equal({});
    });

    describe("and the clock does not tick", () => {
      const { setInterval } = globalThis;

      before(() => {
        // What only a tick would set going does not come at all.
        globalThis.setInterval = ((callback: () => void) =>
          setInterval(callback, 0x7fff_ffff)) as typeof setInterval;
      });

      after(() => {
        globalThis.setInterval = setInterval;
      });

      // Below as above what a stream holds before it speaks of draining: 16 KiB in Node 20, 64 KiB from 22 on.
      for (const limit of [32, 64, 256, 1024]) {
        it(`goes on as soon as a client reads again, with a limit of ${limit} KiB`, async () => {
          await start({ server: { transport: { sendBufferSizeLimit: limit * 1024 } } });
          const { client, line } = await knocked();
          client.webSocket.pause();
          flood(line);
          let sent = 0;
          await still(() => {
            const before = sent;
            sent = stage.server.messaging.stats().messagesSent;
            return sent > 0 && sent === before;
          });
          expect(line.socket.writableLength).to.be.greaterThan(0);

          client.webSocket.resume();
          for (let n = 0; n < COUNT; n++) {
            if (!(await client.frame()).includes(`\nmessage-id:${n}\n`)) throw new Error(`not message ${n}`);
          }
        });
      }
    });

    it("drops the oldest of what a client does not read, if it was told to", async () => {
      const transport = { overflowStrategy: "drop-oldest", sendTimeLimit: 60_000 } as const;
      await start({ server: { transport } });
      const { client, line } = await knocked();
      client.webSocket.pause();
      flood(line);
      await still(() => line.socket.writableLength === 0);
      expect(stage.server.messaging.stats().messagesDropped).to.be.greaterThan(0);
    });

    it("says goodbye for a client that went while it was slow", async () => {
      await start();
      const { client, line, own } = await knocked();
      client.webSocket.pause();
      flood(line);
      await still(() => own.writableNeedDrain);
      client.cut();
      await line.until("DISCONNECT");
      await line.closed();
    });

    it("reads no more of a client than the broker takes, and passes all of it on in the end", async () => {
      await start({ relay: { sendTimeLimit: 60_000 } });
      const { client, line, own } = await knocked();
      line.socket.pause();
      for (let n = 0; n < COUNT; n++) client.send(`SEND\ndestination:/topic/a\nn:${n}\n\n${body}^@`);
      await still(() => own.isPaused());
      const { framesReceived } = stage.server.messaging.stats();
      expect(framesReceived).to.be.lessThan((COUNT * 2) / 3);

      line.socket.resume();
      for (let n = 0; n < COUNT; n++) {
        if ((await line.frame()).headers.get("n") !== `${n}`) throw new Error(`not message ${n}`);
      }
    });

    it("ends a connection of which the broker takes nothing", async () => {
      await start({ relay: { sendTimeLimit: 200 } });
      const { client, line } = await stage.knock();
      await client.frame();
      line.socket.pause();
      for (let n = 0; n < COUNT; n++) client.send(`SEND\ndestination:/topic/a\nn:${n}\n\n${body}^@`);
      await expectEnd(client, "Broker not available");
    });

    it("rejects what the application sends beyond what may wait", async () => {
      await start({ relay: { sendBufferSizeLimit: 100_000 } });
      system.socket.pause();
      const bytes = new Uint8Array(60_000);
      const sends = Array.from({ length: 400 }, () =>
        rejection(stage.server.messaging.template.convertAndSend("/topic/a", bytes)),
      );
      const error = await Promise.race(sends);
      expect(error).to.be.instanceOf(MessageDeliveryError);
      expect(error.message).to.match(/^The broker reads too slowly: \d+ bytes wait for it$/);
      system.cut();
      await Promise.all(sends);
    });
  });
});
