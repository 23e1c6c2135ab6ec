import { expect } from "chai";
import type { ClientCommand } from "#lib/stomp/command.js";
import { RelayStage, type RelayStageOptions } from "../../support/relay-stage.js";
import type { ScriptedLine } from "../../support/scripted-broker.js";

describe("Headers that brokers act on", () => {
  let stage: RelayStage;

  async function connect(options: RelayStageOptions = {}) {
    stage = await RelayStage.open(options);
    await stage.system();
    return stage.connect();
  }

  afterEach(() => stage.close());

  const refused: Record<"SEND" | "SUBSCRIBE" | "UNSUBSCRIBE", [name: string, value: string][]> = {
    SEND: [
      ...declaring(),
      ["cc", "another's"],
      ["BCC", "another's"],
      ["reply-to", "/queue/anothers"],
      ["reply-to", "/amq/queue/anothers"],
      ["reply-to", " /temp-queue/mine"],
      ["reply-to", "/remote-temp-queue/anothers"],
      ["transformation", "jms-map-json"],
      ["AMQ_SCHEDULED_CRON", "* * * * *"],
      ["AMQ_SCHEDULED_REPEAT", "1000000"],
      ["_AMQ_ROUTE_TO", "another's"],
    ],
    SUBSCRIBE: [
      ...declaring(),
      ["persistent", "true"],
      ["persistent", " true"],
      ["x-priority", "127"],
      ["activemq.exclusive", "true"],
      ["activemq.priority", "127"],
      ["activemq.networkSubscription", "true"],
      ["activemq.subscriptionName", "another's"],
      ["durable-subscription-name", "another's"],
    ],
    UNSUBSCRIBE: [["activemq.subscriptionName", "another's"]],
  };

  function declaring(): [name: string, value: string][] {
    return [
      ["durable", "false"],
      ["durable", "true"],
      ["exclusive", "true"],
      ["auto-delete", "true"],
      ["x-queue-name", "another's"],
      ["x-queue-type", "quorum"],
      ["x-dead-letter-exchange", "amq.topic"],
      ["x-dead-letter-routing-key", "another's"],
      ["x-expires", "1000"],
      ["x-max-length", "0"],
      ["x-max-age", "1D"],
      ["x-message-ttl", "1"],
      ["x-overflow", "reject-publish"],
      ["x-stream-max-segment-size-bytes", "1"],
      ["destination-type", "ANYCAST"],
      [" X-Queue-Name", "another's"],
      ["\tDurable\u0001 ", "false"],
    ];
  }

  for (const connections of ["own", "shared"] as const) {
    for (const [command, headers] of Object.entries(refused)) {
      for (const [name, value] of headers) {
        it(`end the session, ${connections}: ${command} with ${JSON.stringify(name)}: ${value}`, async () => {
          stage = await RelayStage.open({ relay: { connections } });
          await stage.available();
          const client = await stage.session();
          const frame = { id: "s", destination: "/topic/a", [name]: value };
          // eslint-disable-next-line no-control-regex
          const known = name.replace(/[\s\u0001]/g, "").toLowerCase();
          expect(await client.refusal(command, frame)).to.equal(
            `The header ${known} decides about what others use at the broker: only passQueueHeaders lets it pass`,
          );
        });
      }
    }
  }

  /** Of a frame what is not the same in all. */
  async function passed(line: ScriptedLine, command: ClientCommand): Promise<Record<string, string>> {
    const {
      receipt: _,
      "content-length": __,
      ...others
    } = Object.fromEntries((await line.until(command)).headers);
    return others;
  }

  it("are taken off a SEND where only a broker says them, or nobody wants to know", async () => {
    const { client, line } = await connect();
    const said = {
      "message-id": "m",
      subscription: "s",
      ack: "a",
      redelivered: "true",
      browser: "end",
      persistent: "false",
    };
    client.send("SEND", { destination: "/queue/a", ...said, " ack ": "b", color: "red" });
    expect(await passed(line, "SEND")).to.deep.equal({ destination: "/queue/a", color: "red" });
  });

  it("are taken off a SUBSCRIBE that would declare by what it says no to", async () => {
    const { client, line } = await connect();
    client.send("SUBSCRIBE", { id: "s", destination: "/queue/a", persistent: "false", selector: "a" });
    expect(await passed(line, "SUBSCRIBE")).to.deep.equal({
      id: "s",
      destination: "/queue/a",
      selector: "a",
    });
  });

  it("are all taken off CONNECT, whatever they are called", async () => {
    stage = await RelayStage.open();
    await stage.system();
    const client = await stage.open();
    const names = [
      "X-API-Key",
      "jwt",
      "pin",
      "client-id",
      "request-id",
      "activemq.userName",
      "Authorization",
    ];
    client.send(`CONNECT\naccept-version:1.2\nhost:x\n${names.map((name) => `${name}:1\n`).join("")}\n^@`);
    const { headers } = await (await stage.broker.line()).until("CONNECT");
    expect([...headers.keys()]).to.have.members(["accept-version", "heart-beat", "login", "passcode"]);
  });

  it("let client-id pass with passQueueHeaders", async () => {
    stage = await RelayStage.open({ relay: { passQueueHeaders: true } });
    await stage.system();
    const client = await stage.open();
    client.send("CONNECT\naccept-version:1.2\nhost:x\nclient-id:me\njwt:1\n\n^@");
    const { headers } = await (await stage.broker.line()).until("CONNECT");
    expect([headers.get("client-id"), headers.has("jwt")]).to.deep.equal(["me", false]);
  });

  it("do not delete by UNSUBSCRIBE a durable queue that is not the session's", async () => {
    const { client, line } = await connect();
    client.send("SUBSCRIBE", { id: "s", destination: "/topic/a" });
    client.send("UNSUBSCRIBE", { id: "s", durable: "true", persistent: "true", destination: "/topic/b" });
    expect(await passed(line, "UNSUBSCRIBE")).to.deep.equal({ id: "s" });
  });

  it("passes reply-to where it names what is the connection's own", async () => {
    const { client, line } = await connect();
    client.send("SEND", { destination: "/queue/a", "reply-to": "/temp-queue/mine" });
    expect((await line.frame()).headers.get("reply-to")).to.equal("/temp-queue/mine");
  });

  it("passes them all with passQueueHeaders", async () => {
    const { client, line } = await connect({ relay: { passQueueHeaders: true } });
    client.send("SUBSCRIBE", { id: "s", destination: "/topic/a", "x-queue-name": "ours" });
    expect((await line.frame()).headers.get("x-queue-name")).to.equal("ours");
    client.send("SEND", { destination: "/queue/a", "reply-to": "/queue/b" });
    expect((await line.frame()).headers.get("reply-to")).to.equal("/queue/b");
  });

  it("ends by UNSUBSCRIBE the queue that was subscribed to, whatever else it names", async () => {
    const { client, line } = await connect({ relay: { passQueueHeaders: true } });
    for (const [id, queue] of [
      ["named", { "x-queue-name": "ours" }],
      ["unnamed", {}],
    ] as const) {
      client.send("SUBSCRIBE", { id, destination: "/topic/a", ...queue });
      await line.frame();
      const foreign = { destination: "/queue/anothers", "x-queue-name": "another's" };
      client.send("UNSUBSCRIBE", { id, durable: "true", ...foreign });
      const { receipt, ...headers } = Object.fromEntries((await line.frame()).headers);
      expect(receipt).to.be.a("string");
      expect(headers).to.deep.equal({ id, durable: "true", ...queue });
    }
  });

  it("does not pass on an UNSUBSCRIBE of what the session has not", async () => {
    const { client, line } = await connect({ relay: { passQueueHeaders: true } });
    const nobody = { id: "nobody", durable: "true", "x-queue-name": "another's" };
    client.send("UNSUBSCRIBE", { ...nobody, receipt: "r" });
    expect((await client.frame()).command).to.equal("RECEIPT");
    client.send("SEND", { destination: "/topic/a" });
    expect((await line.frame()).command).to.equal("SEND");
  });

  it("deletes a durable subscription of ActiveMQ only for who has subscribed to it", async () => {
    const { client, line } = await connect({ relay: { passQueueHeaders: true } });
    const durable = { id: "d", "activemq.subscriptionName": "mine" };
    client.send("SUBSCRIBE", { ...durable, destination: "/topic/a" });
    await line.frame();
    client.send("UNSUBSCRIBE", { id: "d" });
    await line.frame();
    client.send("UNSUBSCRIBE", durable);
    expect(Object.fromEntries((await line.frame()).headers)).to.include(durable);
    expect(
      await client.refusal("UNSUBSCRIBE", { id: "d", "activemq.subscriptionName": "another's" }),
    ).to.equal("UNSUBSCRIBE names a durable subscription that this session has not subscribed to");
  });

  it("forgets the oldest names of a session that has very many", async () => {
    const { client, line } = await connect({ relay: { subscriptionLimit: 1, passQueueHeaders: true } });
    for (const name of ["first", "last"]) {
      client.send("SUBSCRIBE", { id: "d", destination: "/topic/a", "activemq.subscriptionName": name });
      await line.frame();
      client.send("UNSUBSCRIBE", { id: "d" });
      await line.frame();
    }
    client.send("UNSUBSCRIBE", { id: "d", "activemq.subscriptionName": "last" });
    expect((await line.frame()).command).to.equal("UNSUBSCRIBE");
    expect(await client.refusal("UNSUBSCRIBE", { id: "d", "activemq.subscriptionName": "first" })).to.match(
      /^UNSUBSCRIBE names a durable subscription/,
    );
  });

  it("forgets the oldest names of a session that says many in one SUBSCRIBE", async () => {
    const { client, line } = await connect({ relay: { subscriptionLimit: 1, passQueueHeaders: true } });
    const names = ["activemq.subscriptionName", "durable-subscription-name", "durable-subscriber-name"];
    client.send("SUBSCRIBE", {
      id: "d",
      destination: "/topic/a",
      ...Object.fromEntries(names.map((name) => [name, `of ${name}`])),
    });
    await line.frame();
    const [, second = "", last = ""] = names;
    client.send("UNSUBSCRIBE", { id: "d", [last]: `of ${last}` });
    expect((await line.frame()).command).to.equal("UNSUBSCRIBE");
    expect(await client.refusal("UNSUBSCRIBE", { id: "d", [second]: `of ${second}` })).to.match(
      /^UNSUBSCRIBE names a durable subscription/,
    );
  });
});
