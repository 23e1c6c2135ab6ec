import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect } from "chai";
import { RawClient } from "../support/raw-client.js";
import { settled } from "../support/recording.js";
import { startServer, type TestServer } from "../support/server.js";
import { NOT_A_LEAK, soak } from "../support/soak.js";

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

describe("Memory", function () {
  this.timeout(120_000);
  let server: TestServer;

  beforeEach(async () => {
    server = await startServer({ transport: { inboundRateLimit: 100_000 } });
  });

  afterEach(() => server.close());

  // `npm run soak` does the same with ten thousand.
  it("stays the same whatever number of clients has come and gone, or was idle, and however they went", async () => {
    const { grownByCycles, grownByIdle, heard } = await soak({ cycles: 2_000, idle: 1_000 });

    expect(grownByCycles, "of 2,000 who came and went").to.be.below(NOT_A_LEAK);
    expect(grownByIdle, "of 1,000 who were idle").to.be.below(NOT_A_LEAK);
    expect(heard).to.equal(1_000);
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
