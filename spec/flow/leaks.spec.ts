import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect } from "chai";
import { RawClient } from "../support/raw-client.js";
import { settled } from "../support/recording.js";
import { startServer, type TestServer } from "../support/server.js";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Bytes of the heap that are in use, once all that can go has gone. */
async function heapUsed(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    await settled();
    collect();
  }
  return process.memoryUsage().heapUsed;
}

/** The ways a session ends. */
const ENDINGS: ((client: RawClient) => void)[] = [
  (client) => client.send("DISCONNECT\nreceipt:bye\n\n^@"),
  (client) => client.webSocket.close(),
  (client) => client.cut(),
  (client) => client.send("NONSENSE\n\n^@"),
];

describe("Memory", function () {
  this.timeout(60_000);
  let server: TestServer;

  beforeEach(async () => {
    const silence = { debug() {}, info() {}, warn() {}, error() {} };
    server = await startServer({
      logger: silence,
      transport: { overflowStrategy: "drop-oldest", inboundRateLimit: 100_000 },
    });
  });

  afterEach(() => server.close());

  async function comeAndGo(count: number): Promise<void> {
    for (let begun = 0; begun < count; begun += 50) {
      await Promise.all(
        Array.from({ length: 50 }, async (_, i) => {
          const client = await RawClient.connect(server.port);
          const closed = new Promise((resolve) => client.webSocket.once("close", resolve));
          client.send("SUBSCRIBE\nid:1\ndestination:/topic/a.*\n\n^@SEND\ndestination:/topic/a.b\n\nx^@");
          await client.frame();
          ENDINGS[i % ENDINGS.length]!(client);
          await closed;
        }),
      );
    }
    while (server.messaging.stats().connections > 0) await settled();
  }

  it("stays the same whatever number of clients has come and gone, and however they went", async () => {
    await comeAndGo(800);
    const before = await heapUsed();

    await comeAndGo(1_600);
    const grown = (await heapUsed()) - before;

    expect(server.messaging.stats()).to.include({ connections: 0, sessions: 0, connectionsOpened: 2_400 });
    // A session holds some kilobytes: were they kept, it would be several times this.
    expect(grown).to.be.below(1.5 * 1024 * 1024);
  });

  it("stays the same while a client subscribes and unsubscribes", async () => {
    const client = await RawClient.connect(server.port);
    const churn = async (count: number) => {
      for (let i = 0; i < count; i += 500) {
        for (let j = i; j < i + 500; j++) {
          client.send(`SUBSCRIBE\nid:${j}\ndestination:/topic/churn/${j}\n\n^@UNSUBSCRIBE\nid:${j}\n\n^@`);
        }
        await client.synchronize();
      }
    };
    await churn(5_000);
    const before = await heapUsed();

    await churn(20_000);

    expect((await heapUsed()) - before).to.be.below(512 * 1024);
    client.cut();
  });
});
