import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect } from "chai";
import { startServer, type TestServer } from "../support/server.js";
import { StompSession } from "../support/stomp-session.js";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

describe("What a session keeps of a frame", () => {
  let server: TestServer;

  afterEach(() => server.close());

  it("is its id and destination, not the head they stood in", async () => {
    server = await startServer({});
    const session = await StompSession.connect(server.port);
    const large = "x".repeat(7_000);
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < 500; i++) {
      const own = { id: `a-subscription-number-${i}`, destination: `/topic/some/where/else/${i}` };
      session.send("SUBSCRIBE", { ...own, "x-first": large, "x-second": large });
      if (i % 50 === 49) await session.messages();
    }
    collect();
    // The heads are 7 MB.
    expect(process.memoryUsage().heapUsed - before).to.be.below(3_000_000);
    session.cut();
  });
});
