import { jetstream } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { expect } from "chai";
import type { Backplane } from "express-stomp";
import { nats, natsJetStream } from "express-stomp/nats";
import type { BrokerProcess } from "../../example/shared/broker-process.js";
import { rejection } from "../support/channels.js";
import { Heard } from "../support/heard.js";
import { startNats } from "../support/nats.js";
import { findNats, missing, tryAgain } from "../support/programs.js";

const USERS = [
  { user: "mute", password: "mute", permissions: { publish: { deny: ["chat"] } } },
  { user: "deaf", password: "deaf", permissions: { subscribe: { deny: ["chat"] } } },
  { user: "plain", password: "plain", permissions: { publish: { deny: ["$JS.API.>"] } } },
  { user: "any", password: "any" },
];

describe("A NATS that refuses", function () {
  this.timeout(30_000);
  let server: BrokerProcess;
  let without: BrokerProcess;
  let connections: NatsConnection[];
  let open: Backplane[];

  before(async function () {
    tryAgain(this);
    const program = findNats() ?? missing(this, "NATS");
    [server, without] = await Promise.all([
      startNats(program, { users: USERS }),
      startNats(program, { jetStream: false }),
    ]);
  });

  after(() => Promise.all([server?.stop(), without?.stop()]));

  beforeEach(() => {
    [connections, open] = [[], []];
  });

  afterEach(async () => {
    await Promise.all(open.map((backplane) => backplane.close()));
    await Promise.all(connections.map((connection) => connection.close()));
  });

  async function connection({ port }: BrokerProcess, user?: string): Promise<NatsConnection> {
    const made = await connect({ servers: `127.0.0.1:${port}`, ...(user && { user, pass: user }) });
    connections.push(made);
    return made;
  }

  function opened(backplane: Backplane): Backplane {
    open.push(backplane);
    return backplane;
  }

  const subject = async (user: string) =>
    opened(nats({ connection: await connection(server, user), subject: "chat" }));

  async function stream(at: BrokerProcess, user?: string, options = {}): Promise<Backplane> {
    const made = await connection(at, user);
    const settings = { stream: "chat", storage: "memory" as const, ...options };
    return opened(natsJetStream({ connection: made, jetStream: jetstream(made), ...settings }));
  }

  const refusal = async (promise: Promise<unknown>) => ((await rejection(promise)) as Error).message;

  it("says so to who may not listen to the subject, and is not available", async () => {
    const backplane = await subject("deaf");
    expect(await refusal(Heard.on(backplane))).to.equal(
      'NATS refuses: Permissions Violation for Subscription to "chat"',
    );
    expect(backplane.isAvailable).to.equal(false);
  });

  it("says so to who may not publish to the subject, for each publication", async () => {
    const backplane = await subject("mute");
    await Heard.on(backplane);
    const all = Array.from({ length: 3 }, () => refusal(backplane.publish(Buffer.from("a"))));
    for (const each of await Promise.all(all))
      expect(each).to.equal('NATS refuses: Permissions Violation for Publish to "chat"');
  });

  it("is not asked again for a stream when it has no JetStream, or does not let one use it", async () => {
    expect(await refusal(Heard.on(await stream(without)))).to.equal(
      "This NATS has no JetStream: nats-server -js has it",
    );
    expect(await refusal(Heard.on(await stream(server, "plain")))).to.equal(
      'NATS refuses: Permissions Violation for Publish to "$JS.API.INFO"',
    );
  });

  it("is not asked again for a stream that cannot be made", async () => {
    expect(await refusal(Heard.on(await stream(server, "any", { replicas: 3 })))).to.match(
      /^JetStream refuses: replicas > 1 not supported/,
    );
    await Heard.on(await stream(server, "any"));
    expect(
      await refusal(Heard.on(await stream(server, "any", { stream: "other", subject: "chat" }))),
    ).to.equal("JetStream refuses: subjects overlap with an existing stream");
  });

  it("has a stream again that was deleted, once something is published: what was lost is told", async () => {
    const backplane = await stream(server, "any", { stream: "deleted" });
    const heard = await Heard.on(backplane);
    await backplane.publish(Buffer.from("a"));
    await heard.count(1);
    const { streams } = await jetstream(connections[0]!).jetstreamManager();
    await streams.delete("deleted");
    expect(await rejection(backplane.publish(Buffer.from("b")))).to.be.an("error");
    await heard.until(() => heard.told.length === 3);
    await backplane.publish(Buffer.from("c"));
    await heard.count(2);
    expect([heard.texts, heard.gaps, heard.told]).to.deep.equal([["a", "c"], [1], [true, false, true]]);
  });
});
