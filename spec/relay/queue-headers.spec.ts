import { expect } from "chai";
import { RelayStage, type RelayStageOptions } from "../support/relay-stage.js";

describe("Headers that name queues behind the relay", () => {
  let stage: RelayStage;

  async function connect(options: RelayStageOptions = {}) {
    stage = await RelayStage.open(options);
    await stage.system();
    return stage.connect();
  }

  afterEach(() => stage.close());

  const headers: [command: "SEND" | "SUBSCRIBE", name: string, value: string][] = [
    ["SUBSCRIBE", "x-queue-name", "another's"],
    ["SUBSCRIBE", " X-Queue-Name", "another's"],
    ["SUBSCRIBE", "x-dead-letter-exchange", "amq.topic"],
    ["SEND", "x-dead-letter-routing-key", "another's"],
    ["SEND", "x-queue-name", "another's"],
    ["SEND", "reply-to", "/queue/anothers"],
    ["SEND", "reply-to", "/amq/queue/anothers"],
  ];
  for (const [command, name, value] of headers) {
    it(`refuses ${command} with ${JSON.stringify(name)}: ${value}`, async () => {
      const { client, line } = await connect();
      const text = await client.refusal(command, { id: "s", destination: "/topic/a", [name]: value });
      expect(text).to.equal(
        `The header ${name.trim().toLowerCase()} may name anybody's queue: only passQueueHeaders lets it pass`,
      );
      expect((await line.frame()).command).to.equal("DISCONNECT");
    });
  }

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
    const { client, line } = await connect();
    const nobody = { id: "nobody", durable: "true", "x-queue-name": "another's" };
    client.send("UNSUBSCRIBE", { ...nobody, receipt: "r" });
    expect((await client.frame()).command).to.equal("RECEIPT");
    client.send("SEND", { destination: "/topic/a" });
    expect((await line.frame()).command).to.equal("SEND");
  });

  it("deletes a durable subscription of ActiveMQ only for who has subscribed to it", async () => {
    const { client, line } = await connect();
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
    const { client, line } = await connect({ relay: { subscriptionLimit: 1 } });
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
});
