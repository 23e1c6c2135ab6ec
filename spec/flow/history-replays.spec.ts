import { expect } from "chai";
import {
  type ChannelInterceptor,
  type MessagingEvents,
  type SimpleBrokerOptions,
  type StompMessagingOptions,
  simpleBroker,
} from "express-stomp";
import { CERTIFICATE } from "../support/certificate.js";
import { RawClient } from "../support/raw-client.js";
import { settled } from "../support/recording.js";
import { startServer, type TestServer } from "../support/server.js";
import { parseFrame } from "../support/stomp-session.js";

const ROOM = "/topic/room/7";
const LONG = "x".repeat(4_000);

describe("A replay is given while there is room", function () {
  // Over TLS, since what loopback swallows at once would hide that a client has no room.
  this.timeout(120_000);
  let server: TestServer;
  let limits: string[];
  let recoveries: MessagingEvents["recovered"][];
  const clients: RawClient[] = [];

  async function start(broker: SimpleBrokerOptions = {}, options: Partial<StompMessagingOptions> = {}) {
    const history = { destinations: ["/topic/room/**"], size: 1_000, ttl: 300_000 };
    server = await startServer(
      {
        broker: simpleBroker({ destinationPrefixes: ["/topic"], history, replayLimit: 1_000, ...broker }),
        ...options,
      },
      () => {},
      true,
    );
    limits = [];
    recoveries = [];
    server.messaging.on("limitExceeded", ({ limit }) => void limits.push(limit));
    server.messaging.on("recovered", (event) => void recoveries.push(event));
  }

  const publish = (body: string) => server.messaging.template.convertAndSend(ROOM, body);

  async function connect(): Promise<RawClient> {
    const client = await RawClient.connect(server.port, "heart-beat:0,0\n", "/ws", { ca: CERTIFICATE });
    clients.push(client);
    return client;
  }

  /** Subscribes and does not read until that was handled. */
  async function subscribeAsleep(client: RawClient, since: string): Promise<void> {
    client.webSocket.pause();
    const subscribed = new Promise((resolve) => server.messaging.on("subscribed", resolve));
    client.send(`SUBSCRIBE\nid:1\ndestination:${ROOM}\nsince:${since}\n\n^@`);
    await subscribed;
  }

  /** Reads until a message has this text; gives what each frame says, in short. */
  async function readUntil(client: RawClient, last: string): Promise<string[]> {
    client.webSocket.resume();
    const seen: string[] = [];
    while (seen.at(-1) !== last) {
      const { headers, body } = parseFrame(await client.frame());
      if (headers.has("recovered")) seen.push(`${headers.get("recovered")} ${headers.get("replayed")}`);
      else seen.push((headers.has("replayed") ? "↩" : "") + body.split(" ")[0]);
      if (seen.length % 100 === 0) await settled();
    }
    return seen;
  }

  const missed = (count: number) => Array.from({ length: count }, (_, i) => `↩${i}`);

  afterEach(async () => {
    for (const client of clients.splice(0)) client.cut();
    await server.close();
  });

  const async: ChannelInterceptor = { preSend: async (message) => message };
  const ways: [string, Partial<StompMessagingOptions>][] = [
    ["by default", {}],
    ["with drop-oldest", { transport: { overflowStrategy: "drop-oldest" } }],
    ["behind an async interceptor", { clientOutboundChannel: { interceptors: [async] } }],
  ];
  for (const [how, options] of ways) {
    it(`to who reads slowly: all of it, in order, and what is sent meanwhile behind it, ${how}`, async () => {
      await start({}, options);
      const { position } = await server.messaging.history(ROOM);
      for (let i = 0; i < 500; i++) await publish(`${i} ${LONG}`);
      const client = await connect();
      await subscribeAsleep(client, position);
      for (let i = 0; i < 50; i++) await publish(`live-${i}`);

      const seen = await readUntil(client, "live-49");
      const live = Array.from({ length: 50 }, (_, i) => `live-${i}`);
      expect(seen).to.deep.equal(["true 500", ...missed(500), ...live]);
      expect(limits).to.deep.equal([]);
      await publish("last");
      expect(await readUntil(client, "last")).to.deep.equal(["last"]);
    });
  }

  it("and none of it is dropped for what another subscription of a slow client is sent live", async () => {
    await start({}, { transport: { overflowStrategy: "drop-oldest" } });
    const { position } = await server.messaging.history(ROOM);
    // More than loopback takes.
    for (let i = 0; i < 300; i++) await publish(`${i} ${LONG.repeat(9)}`);
    const client = await connect();
    client.send("SUBSCRIBE\nid:2\ndestination:/topic/other\n\n^@");
    await client.synchronize();
    await subscribeAsleep(client, position);
    const other = `- ${LONG}`;
    await Promise.all(
      Array.from({ length: 1_000 }, () => server.messaging.template.convertAndSend("/topic/other", other)),
    );
    expect(server.messaging.stats().messagesDropped).to.be.above(100);
    const seen = await readUntil(client, "↩299");
    expect(seen.filter((each) => each.startsWith("↩"))).to.deep.equal(missed(300));
  });

  it("and ends with a second marker for who is so slow that the rest is kept no longer", async () => {
    await start();
    const { position } = await server.messaging.history(ROOM);
    for (let i = 0; i < 1_000; i++) await publish(`${i} ${LONG}`);
    const client = await connect();
    await subscribeAsleep(client, position);
    for (let i = 0; i < 1_000; i++) await publish(`${i + 1_000}`);

    client.webSocket.resume();
    const seen: string[] = [];
    while (seen.at(-1) !== "false 0") seen.push(...(await readMarkerOrNext(client)));
    expect(seen.slice(1, -1)).to.deep.equal(missed(seen.length - 2));
    expect(recoveries.map(({ reason }) => reason)).to.deep.equal([undefined, "trimmed"]);
    await publish("last");
    expect(await readUntil(client, "last")).to.deep.equal(["last"]);
    expect(limits).to.deep.equal([]);
  });

  async function readMarkerOrNext(client: RawClient): Promise<string[]> {
    const { headers, body } = parseFrame(await client.frame());
    if (headers.has("recovered")) return [`${headers.get("recovered")} ${headers.get("replayed")}`];
    return [(headers.has("replayed") ? "↩" : "") + body.split(" ")[0]];
  }

  it("and ends so for who is behind by more than one SUBSCRIBE may get", async () => {
    await start({ replayLimit: 500 });
    const { position } = await server.messaging.history(ROOM);
    for (let i = 0; i < 450; i++) await publish(`${i} ${LONG}`);
    const client = await connect();
    await subscribeAsleep(client, position);
    for (let i = 0; i < 501; i++) await publish(`live-${i}`);

    client.webSocket.resume();
    const seen: string[] = [];
    while (seen.at(-1) !== "false 0") seen.push(...(await readMarkerOrNext(client)));
    expect(seen).to.deep.equal(["true 450", ...missed(450), "false 0"]);
    expect(recoveries.map(({ reason }) => reason)).to.deep.equal([undefined, "limit"]);
  });

  it("and is over with UNSUBSCRIBE and with the line, whatever is left of it", async () => {
    await start();
    const { position } = await server.messaging.history(ROOM);
    for (let i = 0; i < 500; i++) await publish(`${i} ${LONG}`);
    const client = await connect();
    await subscribeAsleep(client, position);
    const unsubscribed = new Promise((resolve) => server.messaging.on("unsubscribe", resolve));
    client.send("UNSUBSCRIBE\nid:1\n\n^@");
    await unsubscribed;
    client.webSocket.resume();
    expect((await client.synchronize()).length).to.be.below(500);

    const other = await connect();
    await subscribeAsleep(other, position);
    const gone = new Promise((resolve) => server.messaging.on("disconnect", resolve));
    other.cut();
    await gone;
    await publish("nobody hears");
    expect(await client.synchronize()).to.deep.equal([]);
  });
});
