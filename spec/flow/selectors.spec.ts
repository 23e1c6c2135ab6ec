import { expect } from "chai";
import { type SimpleBrokerOptions, simpleBroker } from "express-stomp";
import { startServer, type TestServer } from "../support/server.js";
import { StompSession } from "../support/stomp-session.js";

describe("Selectors", () => {
  let server: TestServer;
  const sessions: StompSession[] = [];

  async function start(options: SimpleBrokerOptions = { selectorHeaderName: "selector" }) {
    server = await startServer({
      broker: simpleBroker({ destinationPrefixes: ["/topic"], queuePrefixes: ["/queue"], ...options }),
    });
  }

  async function connect() {
    const session = await StompSession.connect(server.port);
    sessions.push(session);
    return session;
  }

  afterEach(async () => {
    for (const session of sessions.splice(0)) session.cut();
    await server.close();
  });

  it("choose among the messages of a topic, by the headers of SEND and of the application", async () => {
    await start();
    const session = await connect();
    session.send("SUBSCRIBE", {
      id: "1",
      destination: "/topic/a",
      selector: "price > 10 AND color LIKE 'r%'",
    });
    session.send("SEND", { destination: "/topic/a", price: 11, color: "red" }, "1");
    session.send("SEND", { destination: "/topic/a", price: 9, color: "red" }, "2");
    session.send("SEND", { destination: "/topic/a" }, "3");
    await session.messages().then((frames) => expect(frames.map(({ body }) => body)).to.deep.equal(["1"]));
    await server.messaging.template.convertAndSend("/topic/a", "4", { price: 12, color: "rose" });
    expect(await session.bodies()).to.deep.equal(["4"]);
  });

  it("choose who of several is given a queue's message, and let nothing else wait for it", async () => {
    await start();
    const picky = await connect();
    picky.send("SUBSCRIBE", { id: "1", destination: "/queue/a", selector: "color = 'red'" });
    await picky.messages();
    for (const [body, color] of [
      ["1", "blue"],
      ["2", "red"],
      ["3", "blue"],
      ["4", "red"],
    ] as const) {
      picky.send("SEND", { destination: "/queue/a", color }, body);
    }
    expect(await picky.bodies()).to.deep.equal(["2", "4"]);
    const other = await connect();
    other.send("SUBSCRIBE", { id: "1", destination: "/queue/a", selector: "color IS NOT NULL" });
    expect(await other.bodies()).to.deep.equal(["1", "3"]);
  });

  it("end the session that sends one which cannot be read, and subscribe to nothing", async () => {
    await start();
    const session = await connect();
    expect(
      await session.refusal("SUBSCRIBE", { id: "1", destination: "/topic/a", selector: "process.exit()" }),
    ).to.equal("The selector cannot be read: ( stands in a wrong place, at character 13");
  });

  it("are at most 100 in a session, besides other subscriptions", async () => {
    await start();
    const session = await connect();
    for (let i = 0; i < 100; i++) {
      session.send("SUBSCRIBE", { id: i, destination: "/topic/a", selector: "a = 1" });
    }
    session.send("SUBSCRIBE", { id: "plain", destination: "/topic/a" });
    await session.messages();
    expect(
      await session.refusal("SUBSCRIBE", { id: "100", destination: "/topic/a", selector: "a = 1" }),
    ).to.equal("Session passes selectorLimit: 100");
  });

  it("look for something in the middle of headers by 100 LIKEs of a session at most", async () => {
    await start();
    const session = await connect();
    const selector = Array.from({ length: 8 }, () => "a LIKE '%b%'").join(" OR ");
    for (let i = 0; i < 12; i++) session.send("SUBSCRIBE", { id: i, destination: "/topic/a", selector });
    session.send("SUBSCRIBE", { id: "plain", destination: "/topic/a", selector: "a LIKE 'b%'" });
    await session.messages();
    expect(await session.refusal("SUBSCRIBE", { id: "13", destination: "/topic/a", selector })).to.equal(
      "Session passes selectorSearchLimit: 100",
    );
  });

  it("may be named as the application likes", async () => {
    await start({ selectorHeaderName: "where" });
    const session = await connect();
    session.send("SUBSCRIBE", { id: "1", destination: "/topic/a", selector: "?", where: "n = 1" });
    session.send("SEND", { destination: "/topic/a", n: 1 }, "1");
    session.send("SEND", { destination: "/topic/a", n: 2 }, "2");
    expect(await session.bodies()).to.deep.equal(["1"]);
  });

  it("are a header like any other by default, as in Spring", async () => {
    await start({});
    const session = await connect();
    session.send("SUBSCRIBE", { id: "1", destination: "/topic/a", selector: "FALSE" });
    session.send("SEND", { destination: "/topic/a" }, "1");
    expect(await session.bodies()).to.deep.equal(["1"]);
  });
});
