import { expect } from "chai";
import { type Message, MessageDeliveryError, type StompMessagingOptions, simpleBroker } from "express-stomp";
import type { ServersSettings } from "#lib/servers/settings.js";
import { BrokerHub } from "../support/broker-hub.js";
import type { RawClient } from "../support/raw-client.js";
import type { Users } from "../support/users.js";
import { describeUsersOnServers, startServers, until } from "../support/users-on-servers.js";

const SETTINGS: ServersSettings = {
  secret: "a secret of the servers",
  userDestinationBroadcast: "/topic/servers.users",
  userRegistryBroadcast: "/topic/servers.registry",
  registryExpirationPeriod: 20_000,
  messageSizeLimit: 1024 * 1024,
};

describe("Several servers", () => {
  let hub: BrokerHub;

  beforeEach(() => {
    hub = new BrokerHub();
  });

  describeUsersOnServers(() => on(hub));

  describe("with messages for users only", () => {
    it("know only their own users, and cannot end a subscription of others", async () => {
      const servers = await startServers(2, () => on(hub, { userRegistryBroadcast: undefined }));
      const [here, there] = servers.map(({ server }) => server.messaging);
      const rod = await servers[1]!.connect("rod");
      rod.send("SUBSCRIBE\nid:0\ndestination:/user/queue/letters\n\n^@");
      await rod.synchronize();
      await here!.template.convertAndSendToUser("rod", "/queue/letters", "hello");
      await rod.frame();
      expect(here!.userRegistry.getUser("rod")).to.equal(undefined);
      expect(there!.userRegistry.getUser("rod")).to.not.equal(undefined);
      await Promise.all(servers.map((server) => server.close()));
    });
  });

  describe("when one of three ends a subscription at another", () => {
    it("leave it to that one: the third has nothing to do with it", async () => {
      const servers = await startServers(3, () => on(hub));
      const [here, , third] = servers.map(({ server }) => server.messaging);
      const rod = await servers[1]!.connect("rod");
      rod.send("SUBSCRIBE\nid:0\ndestination:/user/queue/letters\n\n^@");
      await rod.synchronize();
      const found = () => here!.userRegistry.findSubscriptions(({ session }) => session.id === rod.sessionId);
      await until(() => found().length === 1);
      const knows = () => third!.userRegistry.getUser("rod")?.sessions.get(rod.sessionId)?.subscriptions.size;
      await until(() => knows() === 1);
      let ended = 0;
      third!.on("unsubscribe", () => void ended++);

      await here!.unsubscribe(found()[0]!, "It is over");

      expect(await rod.frame()).to.include("unsubscribed:It is over\n");
      await until(() => knows() === 0);
      expect(ended).to.equal(0);
      expect(servers[2]!.server.log.filter((line) => line.startsWith("error"))).to.deep.equal([]);
      await Promise.all(servers.map((server) => server.close()));
    });
  });

  describe("when a client sends to a user", () => {
    it("take it to users of other servers, but not to strangers", async () => {
      const servers = await startServers(2, () => ({ ...on(hub), clientsMaySendToUsers: true }));
      const [rod, stranger] = [await servers[1]!.connect("rod"), await servers[1]!.connect()];
      for (const client of [rod, stranger]) {
        client.send("SUBSCRIBE\nid:0\ndestination:/user/queue/letters\n\n^@");
        await client.synchronize();
      }
      const ann = await servers[0]!.connect("ann");
      ann.send(`SEND\ndestination:/user/${stranger.sessionId}/queue/letters\n\nto the stranger^@`);
      ann.send("SEND\ndestination:/user/rod/queue/letters\n\nto rod^@");
      expect(await rod.frame()).to.include("to rod");
      expect(await stranger.synchronize()).to.deep.equal([]);
      await Promise.all(servers.map((server) => server.close()));
    });
  });

  describe("when a message for a user is longer than a message of the broker", () => {
    it("refuse it to the sender, and give it to nobody", async () => {
      const servers = await startServers(2, () => on(hub));
      const [near, far] = [await servers[0]!.connect("rod"), await servers[1]!.connect("rod")];
      for (const client of [near, far]) {
        client.send("SUBSCRIBE\nid:0\ndestination:/user/queue/letters\n\n^@");
        await client.synchronize();
      }
      const { template } = servers[0]!.server.messaging;
      const error = await template
        .convertAndSendToUser("rod", "/queue/letters", "x".repeat(1024 * 1024))
        .catch((e: unknown) => e);
      expect(error).to.be.instanceOf(MessageDeliveryError);
      expect((error as Error).message).to.include("messageSizeLimit");
      await template.convertAndSendToUser("rod", "/queue/letters", "short");
      for (const client of [near, far]) expect(await client.frame()).to.include("short");
      await Promise.all(servers.map((server) => server.close()));
    });

    it("tell a client that sent it, and end its session", async () => {
      const transport = { messageSizeLimit: 2 * 1024 * 1024 };
      const servers = await startServers(2, () => ({ ...on(hub), clientsMaySendToUsers: true, transport }));
      const ann = await servers[0]!.connect("ann");
      ann.send(`SEND\ndestination:/user/rod/queue/letters\n\n${"x".repeat(1024 * 1024)}^@`);
      expect(await ann.frame()).to.include("message:The message is too long for users of other servers\n");
      await Promise.all(servers.map((server) => server.close()));
    });
  });

  describe("when one of them sends a user of another more than a line holds", () => {
    let servers: Users[];
    let rod: RawClient;
    let ann: RawClient;

    /** Over TLS: loopback by itself takes what it is given at once. */
    async function start(options: Partial<StompMessagingOptions> = {}): Promise<void> {
      servers = await startServers(2, () => ({ ...on(hub), ...options }), true);
      [rod, ann] = [await servers[1]!.connect("rod"), await servers[1]!.connect("ann")];
      for (const client of [rod, ann]) {
        client.send("SUBSCRIBE\nid:0\ndestination:/user/queue/letters\n\n^@");
        await client.synchronize();
      }
    }

    const send = (name: string, letter: string) =>
      servers[0]!.server.messaging.template.convertAndSendToUser(name, "/queue/letters", letter);

    afterEach(() => Promise.all(servers.map((server) => server.close())));

    for (const [what, options] of [
      ["no interceptor", {}],
      [
        "an interceptor that waits",
        { clientOutboundChannel: { interceptors: [{ preSend: async (message: Message) => message }] } },
      ],
    ] as const) {
      it(`end no session that reads, with ${what}`, async () => {
        await start(options);

        for (let i = 0; i < 3000; i++) await send(i % 2 === 0 ? "rod" : "ann", `${i}.`.padEnd(1500, "x"));

        for (let i = 0; i < 3000; i++) {
          const frame = await (i % 2 === 0 ? rod : ann).frame();
          if (!frame.includes(`\n\n${i}.`)) throw new Error(`not letter ${i}: ${frame.slice(0, 200)}`);
        }
      });
    }

    it("wait no longer than a moment for one that does not read, and end it", async () => {
      await start();
      rod.webSocket.pause();
      const ended = new Promise((resolve) => servers[1]!.server.messaging.on("slowConsumer", resolve));

      for (let i = 0; i < 200; i++) await send("rod", "x".repeat(100_000));
      await send("ann", "hello");

      await ended;
      expect(await ann.frame()).to.include("hello");
    });
  });

  describe("when the broker is away", () => {
    it("serve their own users, and tell the sender that others may not have it", async () => {
      const servers = await startServers(2, () => on(hub));
      const rod = await servers[0]!.connect("rod");
      rod.send("SUBSCRIBE\nid:0\ndestination:/user/queue/letters\n\n^@");
      await rod.synchronize();
      hub.cut();
      const { template } = servers[0]!.server.messaging;
      const error = await template
        .convertAndSendToUser("rod", "/queue/letters", "hello")
        .catch((e: unknown) => e);
      expect(error).to.be.an("error");
      expect(await rod.frame()).to.include("hello");
      const own = { sessionId: rod.sessionId };
      await template.convertAndSendToUser("rod", "/queue/letters", "only here", own);
      expect(await rod.frame()).to.include("only here");
      await Promise.all(servers.map((server) => server.close()));
    });

    it("agree again on who is there when it is back", async () => {
      const servers = await startServers(2, () => on(hub, { registryExpirationPeriod: 400 }));
      const { userRegistry } = servers[0]!.server.messaging;
      const ann = await servers[1]!.connect("ann");
      await until(() => userRegistry.getUser("ann") !== undefined);
      hub.cut();
      await servers[1]!.connect("rod");
      ann.cut();
      await until(() => userRegistry.getUser("ann") === undefined);
      hub.restore();
      await until(() => userRegistry.getUser("rod") !== undefined);
      expect(userRegistry.getUsers().map(({ name }) => name)).to.deep.equal(["rod"]);
      await Promise.all(servers.map((server) => server.close()));
    });
  });

  describe("with so many users that they do not fit in a message", () => {
    it("tell a server that comes later of all", async function () {
      this.timeout(120_000);
      const servers = await startServers(1, () => on(hub));
      const rod = await servers[0]!.connect("rod");
      for (let i = 0; i < 900; i++) {
        rod.send(`SUBSCRIBE\nid:${i}\ndestination:/topic/${"x".repeat(200)}${i}\n\n^@`);
      }
      await rod.synchronize();
      for (let i = 0; i < 3; i++) await servers[0]!.connect(`ann-${i}`);
      const [third] = await startServers(1, () => on(hub));
      servers.push(third!);
      const { userRegistry } = third!.server.messaging;
      await until(() => userRegistry.getUser("ann-2") !== undefined);
      // What changed at last may be told before the whole.
      await until(() => userRegistry.findSubscriptions(() => true).length === 900);
      await Promise.all(servers.map((server) => server.close()));
    });
  });
});

function on(hub: BrokerHub, changes: Partial<ServersSettings> = {}): Partial<StompMessagingOptions> {
  return {
    broker: (context) => {
      const broker = simpleBroker({ destinationPrefixes: ["/topic"] })(context);
      const { system, application } = hub.connect();
      const handle = (message: Message) =>
        (message.headers.native.has("express-stomp-servers-only") ? application : broker).handle(message);
      return Object.assign(broker, {
        application: { handle },
        system,
        servers: { ...SETTINGS, ...changes },
      });
    },
  };
}
