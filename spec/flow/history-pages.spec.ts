import { expect } from "chai";
import { ConfigurationError, type HistoryQuery, MessageDeliveryError, simpleBroker } from "express-stomp";
import { RelayStage } from "../support/relay-stage.js";
import { startServer, type TestServer } from "../support/server.js";
import { StompSession } from "../support/stomp-session.js";

describe("messaging.history", () => {
  let server: TestServer;

  beforeEach(async () => {
    const history = { destinations: ["/topic/room/**"], size: 5, ttl: 60_000 };
    server = await startServer({ broker: simpleBroker({ destinationPrefixes: ["/topic"], history }) });
  });

  afterEach(() => server.close());

  const publish = (body: string, room = "7") =>
    server.messaging.template.convertAndSend(`/topic/room/${room}`, body);

  async function bodies(destination: string, query?: HistoryQuery): Promise<string[]> {
    const { messages } = await server.messaging.history(destination, query);
    return messages.map(({ payload }) => Buffer.from(payload).toString());
  }

  it("gives what is kept, oldest or newest first, and no more than was asked for", async () => {
    for (const body of ["a", "b", "c", "d", "e", "f"]) await publish(body);
    expect(await bodies("/topic/room/7")).to.deep.equal(["b", "c", "d", "e", "f"]);
    expect(await bodies("/topic/room/7", { limit: 2 })).to.deep.equal(["b", "c"]);
    expect(await bodies("/topic/room/7", { limit: 2, reverse: true })).to.deep.equal(["f", "e"]);
    expect(await bodies("/topic/room/8")).to.deep.equal([]);
    await publish("g", "8");
    expect(await bodies("/topic/room/*", { limit: 2, reverse: true })).to.deep.equal(["g", "f"]);
  });

  it("gives a position from which a subscription misses nothing", async () => {
    await publish("a");
    const { position, messages } = await server.messaging.history("/topic/room/7");
    expect(messages[0]?.headers.messageId).to.equal(position);
    expect(messages[0]?.headers.destination).to.equal("/topic/room/7");
    await publish("b");
    expect(await bodies("/topic/room/7", { since: position })).to.deep.equal(["b"]);

    const session = await StompSession.connect(server.port);
    session.send("SUBSCRIBE", { id: "1", destination: "/topic/room/7", since: position });
    expect(await session.bodies()).to.deep.equal(["", "b"]);
    session.cut();
  });

  it("says when it cannot tell what was behind a position", async () => {
    const { position } = await server.messaging.history("/topic/room/7");
    for (let i = 0; i < 6; i++) await publish(`${i}`);
    const trimmed = await server.messaging.history("/topic/room/7", { since: position });
    expect([trimmed.recovered, trimmed.messages]).to.deep.equal([false, []]);
    const unknown = await server.messaging.history("/topic/room/7", { since: "elsewhere-7" });
    expect([unknown.recovered, unknown.messages]).to.deep.equal([false, []]);
    expect((await server.messaging.history("/topic/room/7")).recovered).to.equal(true);
  });

  /** The error of a query. */
  async function failure(destination: string, query: object = {}): Promise<Error> {
    return server.messaging.history(destination, query).then(
      () => expect.fail("nothing was refused"),
      (error: Error) => error,
    );
  }

  it("rejects where nothing is kept, and says where it is", async () => {
    for (const destination of ["/topic/other", "/topic/**", "/user/rod/queue/letters"]) {
      const error = await failure(destination);
      expect(error).to.be.instanceOf(MessageDeliveryError);
      expect(error.message).to.match(/^No history is kept of .* history\.destinations/);
    }
    const nobody = await failure("/user/rod");
    expect(nobody.message).to.include("/user/rod names no user, or no destination of one");
  });

  it("rejects what makes no sense, and names it", async () => {
    const wrong: [option: string, value: unknown][] = [
      ["since", ""],
      ["since", 7],
      ["limit", 0],
      ["limit", 1.5],
      ["reverse", "yes"],
    ];
    for (const [option, value] of wrong) {
      const error = await failure("/topic/room/7", { [option]: value });
      expect(error).to.be.instanceOf(ConfigurationError);
      expect(error.message).to.include(`history: ${option} must be `);
    }
    expect((await failure("/topic/room/7", { from: "x" })).message).to.include(
      'history has no option "from"',
    );
  });

  it("rejects for a broker behind the relay, to which since is passed on", async () => {
    const stage = await RelayStage.open({ relay: { destinationPrefixes: ["/topic"] } });
    await stage.system();
    const error = await stage.server.messaging.history("/topic/a").then(
      () => expect.fail("nothing was refused"),
      (reason: Error) => reason,
    );
    expect(error).to.be.instanceOf(MessageDeliveryError);
    expect(error.message).to.include("the simple broker keeps one");

    const { client, line } = await stage.connect();
    client.send("SUBSCRIBE", { id: "1", destination: "/topic/a", since: "7" });
    const { headers } = await line.until("SUBSCRIBE");
    expect(headers.get("since")).to.equal("7");
    client.send("SUBSCRIBE", { id: "2", destination: "/user/queue/letters", since: "7" });
    expect((await client.frame()).headers.get("recovered")).to.equal("false");
    await stage.close();
  });
});
