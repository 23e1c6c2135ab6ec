import { expect } from "chai";
import { type FaultProxy, faultProxy } from "express-stomp/testing";
import { Redis } from "ioredis";
import type { BrokerProcess } from "../../example/shared/broker-process.js";
import { ForkedServer } from "../support/forked-server.js";
import { RawClient } from "../support/raw-client.js";
import { onRedis } from "../support/stores.js";

/** Somebody who hears the news of one server. */
class Listener {
  readonly texts: string[] = [];
  readonly #client: RawClient;

  private constructor(client: RawClient) {
    this.#client = client;
  }

  static async at({ port }: ForkedServer): Promise<Listener> {
    const client = await RawClient.connect(port);
    client.send("SUBSCRIBE\nid:1\ndestination:/topic/news\nreceipt:1\n\n^@");
    expect(await client.frame()).to.match(/^RECEIPT/);
    return new Listener(client);
  }

  async until(isSo: (texts: readonly string[]) => boolean): Promise<void> {
    while (!isSo(this.texts)) {
      const [, text] = /^MESSAGE\n[\s\S]*\n\n([\s\S]*)\^@$/.exec(await this.#client.frame()) ?? [];
      if (text !== undefined) this.texts.push(text.replaceAll('"', ""));
    }
  }

  cut(): void {
    this.#client.cut();
  }
}

let roads = 0;

describe("Three servers, each a process of its own", function () {
  this.timeout(120_000);

  onRedis((redis) => {
    for (const kind of ["stream", "channel"] as const) {
      describe(`by a ${kind}`, () => {
        let line: FaultProxy;
        let servers: ForkedServer[];
        let listeners: Listener[];
        let name: string;

        function start(secret?: string, port = line.port): Promise<ForkedServer> {
          const url = `redis://127.0.0.1:${port}`;
          return ForkedServer.start("backplane-program.js", url, kind, name, ...(secret ? [secret] : []));
        }

        async function told({ port }: ForkedServer, what: "lost" | "log"): Promise<unknown> {
          return (await fetch(`http://127.0.0.1:${port}/${what}`)).json();
        }

        beforeEach(async () => {
          line = await faultProxy(redis());
          name = `servers ${++roads}`;
          servers = await Promise.all(Array.from({ length: 3 }, () => start()));
          listeners = await Promise.all(servers.map((server) => Listener.at(server)));
        });

        afterEach(async () => {
          for (const listener of listeners) listener.cut();
          await Promise.all(servers.map((server) => server.kill()));
          await line.close();
        });

        /** Says something by a server; gives whether the backplane has it. */
        async function say(server: ForkedServer, text: string): Promise<boolean> {
          return (await fetch(`http://127.0.0.1:${server.port}/say/${text}`)).status === 200;
        }

        it("tell each publication once in each session, also when one of them is killed", async () => {
          const said = [];
          for (let i = 0; i < 30; i++) {
            if (i === 15) await servers[2]!.kill();
            const server = servers[i % (i < 15 ? 3 : 2)]!;
            expect(await say(server, `n${i}`)).to.equal(true);
            said.push(`n${i}`);
          }
          for (const listener of listeners.slice(0, 2)) {
            await listener.until((texts) => texts.includes("n29"));
            expect(listener.texts).to.deep.equal(said);
          }
        });

        it(`${kind === "stream" ? "lose nothing" : "tell what may be lost"} when Redis is killed under load and comes back`, async () => {
          await underLoad(redis());
        });

        it("carry messages of 1 MiB, each once", async () => {
          const said = ["l0", "l1", "l2", "l3", "l4", "l5"];
          for (const [i, text] of said.entries())
            expect((await fetch(`http://127.0.0.1:${servers[i % 3]!.port}/long/${text}`)).status).to.equal(
              200,
            );
          expect(await say(servers[0]!, "last")).to.equal(true);
          for (const listener of listeners) {
            await listener.until((texts) => texts.includes("last"));
            expect(listener.texts.map((text) => text.length)).to.deep.equal([
              ...said.map(() => 1024 * 1024),
              4,
            ]);
            expect(listener.texts.slice(0, 6).map((text) => text.slice(0, 2))).to.deep.equal(said);
          }
        });

        it("hear nothing of another secret, another version and foreign bytes, and say each once", async () => {
          const stranger = await start("another secret, of others");
          servers.push(stranger);
          const store = new Redis({ host: "127.0.0.1", port: redis().port });
          const put = async (bytes: Buffer) => {
            if (kind === "channel") return void (await store.publish(name, bytes));
            const epoch = await store.get(`{${name}}:epoch`);
            await store.call("XADD", name, `${epoch}-*`, "b", bytes);
          };
          const ofVersion2 = Buffer.from([0x45, 0x53, 2, 1, 0, 0]);
          for (let i = 0; i < 3; i++) {
            expect(await say(stranger, "strange")).to.equal(true);
            await put(Buffer.from("foreign"));
            await put(ofVersion2);
            expect(await say(servers[i]!, `n${i}`)).to.equal(true);
          }
          store.disconnect();
          for (const [i, listener] of listeners.entries()) {
            await listener.until((texts) => texts.includes("n2"));
            expect(listener.texts).to.deep.equal(["n0", "n1", "n2"]);
            expect(await told(servers[i]!, "lost")).to.equal(0);
            const log = ((await told(servers[i]!, "log")) as string[]).join("\n");
            for (const warning of [
              `Another sender uses ${name}. It`,
              `A server of another version publishes on ${name}. It`,
              `Another sender uses ${name}, or a server with another secret. It`,
            ])
              expect(log.split(warning)).to.have.length(2);
          }
        });

        if (kind === "stream") {
          it("go on when one falls behind what the log keeps, which is told there and nowhere else", async () => {
            expect(await say(servers[0]!, "before")).to.equal(true);
            for (const listener of listeners) await listener.until((texts) => texts.includes("before"));
            const said: string[] = [];
            await servers[2]!.whileStopped(async () => {
              for (let i = 0; i < 300; i += 100) {
                const some = Array.from({ length: 100 }, (_, n) => `n${i + n}`);
                await Promise.all(some.map((text) => say(servers[0]!, text)));
                said.push(...some);
              }
            });
            expect(await say(servers[1]!, "last")).to.equal(true);
            for (const [i, listener] of listeners.entries()) {
              await listener.until((texts) => texts.includes("last"));
              const heard = new Set(listener.texts);
              expect(heard.size).to.equal(listener.texts.length);
              const missing = said.filter((text) => !heard.has(text));
              expect(await told(servers[i]!, "lost")).to.equal(i === 2 ? 1 : 0);
              if (i < 2) expect(missing).to.deep.equal([]);
              else expect(missing.length).to.be.within(1, said.length);
            }
          });

          it("lose nothing on one whose line stands still for a while", async () => {
            const own = await faultProxy(redis());
            const slow = await start(undefined, own.port);
            servers.push(slow);
            const listener = await Listener.at(slow);
            listeners.push(listener);
            own.stall();
            // It notices within seconds.
            const stuck = say(slow, "stuck");
            for (const text of ["a", "b"]) expect(await say(servers[0]!, text)).to.equal(true);
            expect(await stuck).to.equal(false);
            own.resume();
            while (!(await say(slow, "back"))) await new Promise((resolve) => setTimeout(resolve, 20));
            await listener.until((texts) => texts.includes("back"));
            expect(listener.texts.filter((text) => text !== "stuck")).to.deep.equal(["a", "b", "back"]);
            expect(await told(slow, "lost")).to.equal(0);
            await own.close();
          });
        }

        async function underLoad(store: BrokerProcess): Promise<void> {
          const confirmed: string[] = [];
          let isOver = false;
          const talking = (async () => {
            for (let i = 0; !isOver; i++) {
              const text = `n${i}`;
              if (await say(servers[i % 3]!, text)) confirmed.push(text);
            }
          })();
          await listeners[0]!.until((texts) => texts.length >= 20);
          await store.kill();
          await store.restart();
          const before = confirmed.length;
          while (confirmed.length < before + 20) await new Promise((resolve) => setTimeout(resolve, 20));
          isOver = true;
          await talking;
          while (!(await say(servers[0]!, "last"))) await new Promise((resolve) => setTimeout(resolve, 20));
          for (const [i, listener] of listeners.entries()) {
            await listener.until((texts) => texts.at(-1) === "last");
            expect(new Set(listener.texts).size).to.equal(listener.texts.length);
            const missing = confirmed.filter((text) => !listener.texts.includes(text));
            const lost = await told(servers[i]!, "lost");
            if (kind === "stream") expect([missing, lost]).to.deep.equal([[], 0]);
            else expect(lost).to.be.at.least(1);
          }
        }
      });
    }
  });
});
