import { expect } from "chai";
import { heapUsed } from "../support/heap.js";
import { startServer, type TestServer } from "../support/server.js";
import { StompSession } from "../support/stomp-session.js";

describe("What a session keeps of a frame", () => {
  let server: TestServer;

  afterEach(() => server.close());

  it("is its id and destination, not the head they stood in", async () => {
    server = await startServer({});
    const session = await StompSession.connect(server.port);
    const large = "x".repeat(7_000);
    const before = heapUsed();
    for (let i = 0; i < 500; i++) {
      const own = { id: `a-subscription-number-${i}`, destination: `/topic/some/where/else/${i}` };
      session.send("SUBSCRIBE", { ...own, "x-first": large, "x-second": large });
      if (i % 50 === 49) await session.messages();
    }
    // The heads are 7 MB.
    expect(heapUsed() - before).to.be.below(3_000_000);
    session.cut();
  });
});
