import { expect } from "chai";
import { type SimpleBrokerOptions, simpleBroker } from "express-stomp";
import { startServer, type TestServer } from "../support/server.js";
import { StompSession } from "../support/stomp-session.js";

describe("Retained messages", () => {
  let server: TestServer;
  let session: StompSession;

  async function start(options: SimpleBrokerOptions) {
    const destinationPrefixes = ["/topic"];
    server = await startServer({ broker: simpleBroker({ destinationPrefixes, ...options }) });
    session = await StompSession.connect(server.port);
  }

  function dropped(): string[] {
    const events: string[] = [];
    server.messaging.on(
      "messageDropped",
      (event) => void events.push(`${event.destination} ${event.reason}`),
    );
    return events;
  }

  async function publish(destination: string, body: string) {
    await server.messaging.template.convertAndSend(destination, body);
  }

  async function heardAt(destination: string, headers = {}): Promise<readonly string[]> {
    session.send("SUBSCRIBE", { id: `${destination}${Math.random()}`, destination, ...headers });
    return session.bodies();
  }

  afterEach(async () => {
    session.cut();
    await server.close();
  });

  it("reach a new subscriber at once: the newest of each destination that fits", async () => {
    await start({ retainLast: ["/topic/price.*", "/topic/score/**"] });
    await publish("/topic/price.a", "1");
    await publish("/topic/price.b", "2");
    await publish("/topic/price.a", "3");
    await publish("/topic/score/x/y", "4");
    expect(await heardAt("/topic/price.a")).to.deep.equal(["3"]);
    expect(await heardAt("/topic/price.*")).to.deep.equal(["2", "3"]);
    expect(await heardAt("/topic/**")).to.deep.equal(["2", "3", "4"]);
    expect(await heardAt("/topic/price.c")).to.deep.equal([]);
  });

  it("come before the RECEIPT of SUBSCRIBE, with their destination and subscription", async () => {
    await start({ retainLast: ["/topic/**"] });
    await publish("/topic/a", "1");
    session.send("SUBSCRIBE", { id: "s", destination: "/topic/*", receipt: "r" });
    const [message, receipt] = await session.messages();
    expect(message?.headers.get("destination")).to.equal("/topic/a");
    expect(message?.headers.get("subscription")).to.equal("s");
    expect(receipt?.command).to.equal("RECEIPT");
  });

  it("are what clients send, too, and are acknowledged like others", async () => {
    await start({ retainLast: ["/topic/**"] });
    session.send("SEND", { destination: "/topic/a" }, "1");
    session.send("SUBSCRIBE", { id: "s", destination: "/topic/a", ack: "client", "prefetch-count": 1 });
    session.send("SEND", { destination: "/topic/a" }, "2");
    const [frame, ...others] = await session.messages();
    expect([frame?.body, others]).to.deep.equal(["1", []]);
    session.send("ACK", { id: frame?.headers.get("ack") ?? "" });
    expect(await session.bodies()).to.deep.equal(["2"]);
  });

  it("pass a selector, as all others do", async () => {
    await start({ retainLast: ["/topic/**"], selectorHeaderName: "selector" });
    session.send("SEND", { destination: "/topic/a", n: 1 }, "1");
    expect(await heardAt("/topic/a", { selector: "n > 1" })).to.deep.equal([]);
    expect(await heardAt("/topic/a", { selector: "n = 1" })).to.deep.equal(["1"]);
  });

  it("are none of a queue, and none of a destination that was not named", async () => {
    await start({ retainLast: ["/topic/a", "/queue/**"], queuePrefixes: ["/queue"] });
    session.send("SUBSCRIBE", { id: "q", destination: "/queue/a" });
    await session.messages();
    await publish("/queue/a", "1");
    await publish("/topic/b", "2");
    expect(await session.bodies()).to.deep.equal(["1"]);
    expect(await heardAt("/queue/a")).to.deep.equal([]);
    expect(await heardAt("/topic/b")).to.deep.equal([]);
  });

  it("are of 1,000 destinations: that which was not set for longest goes", async () => {
    await start({ retainLast: ["/topic/**"] });
    const told = dropped();
    for (let i = 0; i < 1000; i++) await publish(`/topic/${i}`, `${i}`);
    await publish("/topic/0", "again");
    await publish("/topic/1000", "one more");
    expect(told).to.deep.equal(["/topic/1 retained"]);
    expect(server.messaging.stats().messagesDroppedByBroker).to.equal(1);
    expect(await heardAt("/topic/1")).to.deep.equal([]);
    expect(await heardAt("/topic/0")).to.deep.equal(["again"]);
    expect(await heardAt("/topic/*")).to.have.length(1000);
  });

  it("are of as many destinations as the application likes", async () => {
    await start({ retainLast: ["/topic/**"], retainedLimit: 2 });
    const told = dropped();
    for (const name of ["a", "b", "a", "c"]) await publish(`/topic/${name}`, name);
    expect(told).to.deep.equal(["/topic/b retained"]);
    expect(await heardAt("/topic/*")).to.deep.equal(["a", "c"]);
  });

  it("take so many bytes together, headers among them", async () => {
    await start({ retainLast: ["/topic/**"], retainedSizeLimit: 20_000 });
    const told = dropped();
    for (const name of ["a", "b", "c"]) {
      session.send("SEND", { destination: `/topic/${name}`, "x-large": "x".repeat(7_000) }, name);
    }
    await session.messages();
    expect(told).to.deep.equal(["/topic/a retained"]);
    expect(await heardAt("/topic/*")).to.deep.equal(["b", "c"]);
  });

  it("drive out no others, and leave none behind that is older, when one is too large by itself", async () => {
    await start({ retainLast: ["/topic/**"], retainedSizeLimit: 5_000 });
    const told = dropped();
    await publish("/topic/a", "old");
    await publish("/topic/b", "b");
    await publish("/topic/a", "x".repeat(6_000));
    expect(told).to.deep.equal(["/topic/a retained"]);
    expect(await heardAt("/topic/*")).to.deep.equal(["b"]);
  });

  it("are none by default, as in Spring", async () => {
    await start({});
    await publish("/topic/a", "1");
    expect(await heardAt("/topic/a")).to.deep.equal([]);
  });
});
