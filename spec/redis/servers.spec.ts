import { expect } from "chai";
import { type FaultProxy, faultProxy } from "express-stomp/testing";
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

describe("Three servers, each a process of its own", function () {
  this.timeout(120_000);

  onRedis((redis) => {
    for (const kind of ["stream", "channel"] as const) {
      describe(`by a ${kind}`, () => {
        let line: FaultProxy;
        let servers: ForkedServer[];
        let listeners: Listener[];

        beforeEach(async () => {
          line = await faultProxy(redis());
          const url = `redis://127.0.0.1:${line.port}`;
          servers = await Promise.all(
            Array.from({ length: 3 }, () => ForkedServer.start("backplane-program.js", url, kind)),
          );
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
            const lost = (await (await fetch(`http://127.0.0.1:${servers[i]!.port}/lost`)).json()) as number;
            if (kind === "stream") expect([missing, lost]).to.deep.equal([[], 0]);
            else expect(lost).to.be.at.least(1);
          }
        }
      });
    }
  });
});
