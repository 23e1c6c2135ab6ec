import { expect } from "chai";
import { MessageDeliveryError, type MessagingEvents } from "express-stomp";
import { BackplaneHub, FaultyBackplane } from "express-stomp/testing";
import {
  type BackplaneServer,
  BackplaneStage,
  bodies,
  bodyOf,
  type Client,
  header,
  listen,
} from "../../support/backplane-stage.js";
import { untilAvailable } from "../../support/until-available.js";
import { until } from "../../support/users-on-servers.js";

const NEWS = "/topic/news";
const HISTORY = { destinations: ["/topic/news"], size: 100, ttl: 60_000 };

async function thrownBy(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

for (const remembers of [0, 100]) {
  const hasLog = remembers > 0;

  describe(`A backplane ${hasLog ? "with" : "without"} a log`, () => {
    let stage: BackplaneStage;
    let servers: BackplaneServer[];
    let clients: Client[];
    let lost: { server: number; since: string; reason: string }[];

    beforeEach(async () => {
      stage = new BackplaneStage({ remembers });
      servers = await stage.openAll(3, { history: HISTORY });
      lost = [];
      for (const [i, { server }] of servers.entries()) {
        server.messaging.on("messagesLost", (event) => void lost.push({ server: i, ...event }));
      }
      clients = await Promise.all(servers.map((server, i) => server.connect(`user-${i}`)));
      await Promise.all(clients.map((client) => listen(client, NEWS)));
    });

    afterEach(() => stage.close());

    const send = (from: number, text: string) =>
      servers[from]!.server.messaging.template.convertAndSend(NEWS, text);
    const warnings = (server: number) =>
      servers[server]!.server.log.filter((line) => line.startsWith("warn"));

    /** All that each client hears until everybody has heard a last message. */
    async function heard(): Promise<string[][]> {
      await send(0, "last");
      return Promise.all(
        clients.map(async (client) => {
          const all: string[] = [];
          for (;;) {
            const body = bodyOf(await client.frame());
            if (body === "last") return all;
            all.push(body);
          }
        }),
      );
    }

    it("that is away refuses what is sent, and lets clients subscribe", async () => {
      const [{ server, backplane }] = servers as [BackplaneServer];
      const announced: boolean[] = [];
      server.messaging.on("brokerAvailability", ({ isAvailable }) => void announced.push(isAvailable));
      backplane.away();
      expect(await thrownBy(send(0, "x"))).to.have.property("code", "BROKER_NOT_AVAILABLE");
      const sender = await servers[0]!.connect("sender");
      await listen(sender, "/topic/other");
      sender.send(`SEND\ndestination:${NEWS}\nreceipt:1\n\nx^@`);
      const error = await sender.frame();
      expect(error).to.include("message:Broker not available\n");
      expect(error).to.include("receipt-id:1\n");
      backplane.back();
      await untilAvailable(server.messaging);
      expect(announced).to.deep.equal([false, true]);
      expect(await heard()).to.deep.equal([[], [], []]);
    });

    it(`that was away for one server ${hasLog ? "fills its gap" : "tells its gap"}`, async () => {
      servers[1]!.backplane.away();
      const sent = Array.from({ length: 20 }, (_, i) => `${i}`);
      for (const text of sent) await send(0, text);
      servers[1]!.backplane.back();
      await untilAvailable(servers[1]!.server.messaging);
      const [first, second, third] = await heard();
      expect(first).to.deep.equal(sent);
      expect(third).to.deep.equal(sent);
      expect(second).to.deep.equal(hasLog ? sent : []);
      expect(lost.map(({ server, reason }) => ({ server, reason }))).to.deep.equal(
        hasLog ? [] : [{ server: 1, reason: "lost" }],
      );
    });

    it("that loses some without a word is found out by the numbers of who sent them", async () => {
      await send(0, "a");
      await until(() => stage.hub.entries.length > 0 || !hasLog);
      expect((await heard())[1]).to.deep.equal(["a"]);
      servers[1]!.backplane.lose(2);
      for (const text of ["b", "c", "d"]) await send(0, text);
      expect(await heard()).to.deep.equal([["b", "c", "d"], ["d"], ["b", "c", "d"]]);
      expect(lost.map(({ server, reason }) => ({ server, reason }))).to.deep.equal([
        { server: 1, reason: "lost" },
      ]);
    });

    it("that gives some twice is heard once", async () => {
      servers[1]!.backplane.repeat(5);
      const sent = ["a", "b", "c", "d", "e"];
      for (const text of sent) await send(0, text);
      expect(await heard()).to.deep.equal([sent, sent, sent]);
      expect(lost).to.deep.equal([]);
    });

    it("that gives some in the wrong order never gives one sender's so, and tells what is missing", async () => {
      await heard();
      servers[1]!.backplane.reverse(3);
      for (const text of ["a", "b", "c"]) await send(0, text);
      const [first, second] = await heard();
      expect(first).to.deep.equal(["a", "b", "c"]);
      expect(second).to.deep.equal(["c"]);
      if (!hasLog) expect(lost).to.have.length(1);
    });

    it("that stalls for a server holds its messages up and nobody else's, and loses none", async () => {
      servers[1]!.backplane.stall();
      const late = send(1, "late");
      for (const text of ["a", "b"]) await send(0, text);
      expect(await bodies(clients[0]!, 2)).to.deep.equal(["a", "b"]);
      expect(await clients[1]!.synchronize()).to.deep.equal([]);
      servers[1]!.backplane.resume();
      await late;
      expect(await heard()).to.deep.equal([["late"], ["a", "b", "late"], ["a", "b", "late"]]);
      expect(lost).to.deep.equal([]);
    });

    it("that did not confirm is no gap to others, whether it has published or not", async () => {
      await send(0, "a");
      servers[0]!.backplane.refuse(1);
      expect(await thrownBy(send(0, "refused"))).to.have.property("code", "BROKER_NOT_AVAILABLE");
      servers[0]!.backplane.doubt(1);
      expect(await thrownBy(send(0, "doubted"))).to.have.property("code", "BROKER_NOT_AVAILABLE");
      const all = ["a", "doubted"];
      expect(await heard()).to.deep.equal([all, all, all]);
      expect(lost).to.deep.equal([]);
    });

    it("carries foreign bytes, which are logged once and not heard", async () => {
      for (const bytes of [Buffer.from("hello"), Buffer.alloc(0), Buffer.from("other")])
        stage.hub.publish(bytes);
      expect(await heard()).to.deep.equal([[], [], []]);
      expect(warnings(0)).to.deep.equal(["warn Another sender uses in memory. It is not heard."]);
    });

    it("carries entries of another version, which are logged once and not heard", async () => {
      for (const version of [2, 3]) stage.hub.publish(Buffer.from([0x45, 0x53, version, 1, 9, 9]));
      stage.hub.publish(Buffer.from([0x45, 0x53, 1, 99, 1]));
      expect(await heard()).to.deep.equal([[], [], []]);
      expect(warnings(0)).to.deep.equal([
        "warn A server of another version publishes on in memory. It is not heard.",
        "warn A server of a later release publishes on in memory. It is not heard.",
      ]);
    });

    it("carries what is sealed with another secret, or not at all, and that is not heard", async () => {
      const stranger = await stage.open({ secret: "the secret of somebody else" });
      const naive = await stage.open({ secret: undefined as unknown as string, trusted: true });
      for (const { server } of [stranger, naive]) await server.messaging.template.convertAndSend(NEWS, "x");
      expect(await heard()).to.deep.equal([[], [], []]);
      expect(warnings(0).filter((line) => line.includes("with another secret"))).to.not.be.empty;
      expect(warnings(0).filter((line) => line.includes("without a secret"))).to.not.be.empty;
      expect(new Set(warnings(0)).size).to.equal(warnings(0).length);
    });

    it("shows nothing of what is said there, and takes no recording for it", async () => {
      const recorded: Uint8Array[] = [];
      const join = new FaultyBackplane(stage.hub);
      await join.subscribe({ take: ({ bytes }) => void recorded.push(bytes), lost() {}, availability() {} });
      await send(0, "a secret of ours");
      expect(await heard()).to.deep.equal(Array.from({ length: 3 }, () => ["a secret of ours"]));
      await until(() => recorded.length >= 2);
      expect(Buffer.concat(recorded).toString("latin1")).to.not.include("secret").and.not.include("news");
      for (const bytes of [...recorded]) stage.hub.publish(bytes);
      expect(await heard()).to.deep.equal([[], [], []]);
    });

    it("tells those who had asked with since that something is missing", async () => {
      const client = await servers[1]!.connect("back");
      await listen(client, NEWS, "since:now\n").catch(() => {});
      const other = await servers[1]!.connect("other");
      other.send(`SUBSCRIBE\nid:0\ndestination:${NEWS}\nsince:now\n\n^@`);
      expect(header(await other.frame(), "recovered")).to.equal("true");
      servers[1]!.backplane.away();
      if (hasLog) {
        await send(0, "gone");
        stage.hub.trim();
      } else await send(0, "gone");
      await send(0, "kept");
      servers[1]!.backplane.back();
      const marker = await other.frame();
      expect(header(marker, "recovered")).to.equal("false");
      if (hasLog) expect(await bodies(other, 1)).to.deep.equal(["kept"]);
      expect(lost.map(({ reason }) => reason)).to.deep.equal([hasLog ? "trimmed" : "lost"]);

      // What it was told to go on from holds, and what was before does not.
      const again = await servers[1]!.connect("again");
      const position = header(marker, "message-id")!;
      again.send(`SUBSCRIBE\nid:0\ndestination:${NEWS}\nsince:${position}\n\n^@`);
      expect(header(await again.frame(), "recovered")).to.equal("true");
    });
  });
}

describe("A backplane", () => {
  it("that has started anew makes an end of all positions, and is heard from then on", async () => {
    const stage = new BackplaneStage({ remembers: 100 });
    const [here, there] = await stage.openAll(2, { history: HISTORY });
    const reasons: string[] = [];
    there!.server.messaging.on("messagesLost", ({ reason }) => void reasons.push(reason));
    const client = await there!.connect("rod");
    await listen(client, NEWS);
    const send = (text: string) => here!.server.messaging.template.convertAndSend(NEWS, text);
    for (const text of ["a", "b", "c"]) await send(text);
    const frames = [await client.frame(), await client.frame(), await client.frame()];
    stage.hub.changeEpoch();
    await send("d");
    expect(await bodies(client, 1)).to.deep.equal(["d"]);
    expect(reasons).to.deep.equal(["epoch"]);
    expect([here!, there!].map(({ server }) => server.messaging.stats().gaps)).to.deep.equal([1, 1]);

    const back = await there!.connect("rod");
    back.send(`SUBSCRIBE\nid:0\ndestination:${NEWS}\nsince:${header(frames[0]!, "message-id")}\n\n^@`);
    expect(header(await back.frame(), "recovered")).to.equal("false");
    await stage.close();
  });

  it("lets nothing pass that is longer than it takes, and says so before", async () => {
    const stage = new BackplaneStage({ sizeLimit: 100_000 });
    const [here, there] = await stage.openAll(2);
    const client = await there!.connect("rod");
    await listen(client, NEWS);
    const error = await thrownBy(here!.server.messaging.template.convertAndSend(NEWS, "x".repeat(100_000)));
    expect(error).to.be.instanceOf(MessageDeliveryError);
    expect((error as Error).message).to.match(
      /^A message has 1000?\d+ bytes with its headers, and the backplane in memory takes \d+$/,
    );
    await here!.server.messaging.template.convertAndSend(NEWS, "x");
    expect(await bodies(client, 1)).to.deep.equal(["x"]);
    await stage.close();
  });

  it("refuses what would wait to be conflated as it does all else, and what waited stays", async () => {
    const stage = new BackplaneStage({ sizeLimit: 100_000 });
    const [here, there] = await stage.openAll(2, { conflate: [{ destinations: [NEWS], every: 60_000 }] });
    const client = await there!.connect("rod");
    await listen(client, NEWS);
    const send = (text: string) => here!.server.messaging.template.convertAndSend(NEWS, text);
    await send("1");
    await send("2");
    expect(await thrownBy(send("x".repeat(100_000)))).to.be.instanceOf(MessageDeliveryError);
    here!.backplane.away();
    expect(await thrownBy(send("3"))).to.have.property("code", "BROKER_NOT_AVAILABLE");
    expect(here!.server.messaging.stats().conflated).to.equal(0);
    here!.backplane.back();
    await untilAvailable(here!.server.messaging);
    await here!.close();
    expect(await bodies(client, 2)).to.deep.equal(["1", "2"]);
    await there!.close();
  });

  it("tells of what waited to be conflated, and was due while it was away", async () => {
    const stage = new BackplaneStage();
    const here = await stage.open({ conflate: [{ destinations: [NEWS], every: 60_000 }] });
    const { messaging } = here.server;
    const dropped: MessagingEvents["messageDropped"][] = [];
    messaging.on("messageDropped", (event) => void dropped.push(event));
    await messaging.template.convertAndSend(NEWS, "1");
    await messaging.template.convertAndSend(NEWS, "2");
    here.backplane.away();
    await here.close();
    expect(dropped).to.deep.equal([
      { reason: "backplane", destination: NEWS, messageId: "", sessionId: undefined },
    ]);
    expect(messaging.stats().messagesDroppedByBroker).to.equal(1);
  });

  it("that is away when a server starts is joined when it is there", async () => {
    const stage = new BackplaneStage({ remembers: 100 });
    const here = await stage.open({ history: HISTORY });
    await here.server.messaging.template.convertAndSend(NEWS, "before");
    const backplane = new FaultyBackplane(stage.hub);
    backplane.away();
    const late = await stage.open({}, {}, backplane);
    const client = await late.connect("rod");
    await listen(client, NEWS);
    expect(late.server.messaging.isBrokerAvailable()).to.equal(false);
    backplane.back();
    await untilAvailable(late.server.messaging);
    await here.server.messaging.template.convertAndSend(NEWS, "after");
    expect(await bodies(client, 1)).to.deep.equal(["after"]);
    await stage.close();
  });

  it("bounds what is on its way: beyond, sending rejects, and nothing that was taken is lost", async () => {
    const stage = new BackplaneStage();
    const transport = { sendBufferSizeLimit: 64 * 1024 * 1024 };
    const [here, there] = await stage.openAll(2, {}, { transport });
    const client = await there!.connect("rod");
    await listen(client, NEWS);
    here!.backplane.stall();
    const outcomes = Array.from({ length: 40 }, (_, i) =>
      here!.server.messaging.template.convertAndSend(NEWS, String(i).padEnd(1024 * 1024)).then(
        () => i,
        (error: Error) => error,
      ),
    );
    here!.backplane.resume();
    const settled = await Promise.all(outcomes);
    const taken = settled.filter((each) => typeof each === "number");
    expect(taken.length).to.equal(15);
    expect(String(settled.at(-1))).to.include("Too much waits for the backplane in memory");
    expect((await bodies(client, taken.length)).map(Number)).to.deep.equal(taken);
    await stage.close();
  });

  it("serves one broker", async () => {
    const backplane = new FaultyBackplane(new BackplaneHub());
    const stage = new BackplaneStage();
    await stage.open({}, {}, backplane);
    const error = await thrownBy(stage.open({}, {}, backplane));
    expect(String(error)).to.include("serves another broker of this process: make one for each");
    await stage.close();
  });
});
