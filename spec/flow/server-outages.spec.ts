import { expect } from "chai";
import { BrokerNotAvailableError, type StompBrokerRelayOptions } from "express-stomp";
import { type FaultProxy, faultProxy } from "express-stomp/testing";
import { onEachBroker, onRabbitMq, relayTo } from "../support/brokers.js";
import type { RawClient } from "../support/raw-client.js";
import { ServerProcess } from "../support/server-process.js";
import { broadcasts, on } from "../support/servers-on-broker.js";
import { type Users, withUsers } from "../support/users.js";
import { startServers, until, untilJoined } from "../support/users-on-servers.js";

describe("Clients who share connections", function () {
  this.timeout(120_000);

  onRabbitMq((broker) => {
    it("go on when the broker was killed and is back; what was missed is missed", async () => {
      const users = await withUsers(on(broker(), { connections: "shared", reconnectInterval: 100 }));
      const { messaging } = users.server;
      await until(() => messaging.isBrokerAvailable());
      const [ann, rod] = [await users.connect("ann"), await users.connect("rod")];
      for (const client of [ann, rod]) {
        client.send("SUBSCRIBE\nid:0\ndestination:/topic/news\nreceipt:0\n\n^@");
        await client.frame();
      }
      await broker().kill();
      await until(() => !messaging.isBrokerAvailable());
      rod.send("SEND\ndestination:/topic/news\nreceipt:1\n\nlost^@");
      expect(await rod.frame()).to.include("message:Broker not available\n");

      await broker().restart();
      await until(() => messaging.isBrokerAvailable());
      let heard = false;
      const frame = ann.frame().finally(() => {
        heard = true;
      });
      // The subscription is there a moment after the connection.
      while (!heard) await messaging.template.convertAndSend("/topic/news", "there again").catch(() => {});
      expect(await frame).to.include("there again");
      await users.close();
    });
  });
});

describe("One of two servers", function () {
  this.timeout(120_000);

  const cases = [
    { connections: "own", harm: "broken", by: (line: FaultProxy) => line.cut() },
    { connections: "own", harm: "silent", by: (line: FaultProxy) => line.stall() },
    { connections: "shared", harm: "broken", by: (line: FaultProxy) => line.cut() },
  ] as const;

  onRabbitMq((broker) => {
    for (const { connections, harm, by } of cases) {
      describe(`whose line to the broker is ${harm}, with ${connections} connections of its clients`, () => {
        let line: FaultProxy;
        let servers: Users[];
        let near: Users;
        let far: Users;
        let ann: RawClient;
        let rod: RawClient;

        beforeEach(async () => {
          line = await faultProxy(broker());
          const options: StompBrokerRelayOptions = {
            ...broadcasts({ users: "servers.cut.users", registry: "servers.cut.registry" }),
            connections,
            registryExpirationPeriod: 1000,
            reconnectInterval: 100,
            systemHeartbeatReceiveInterval: harm === "silent" ? 1_000 : 10_000,
          };
          const lines = [broker(), line];
          servers = await startServers(2, () => {
            const { host, port } = lines.shift()!;
            return on(broker(), { ...options, relayHost: host, relayPort: port });
          });
          [near, far] = servers as [Users, Users];
          [ann, rod] = [await listening(near, "ann"), await listening(far, "rod")];
          await untilUsers(near, ["ann", "rod"]);
          await untilUsers(far, ["ann", "rod"]);

          line.refuse();
          by(line);
          await until(() => !far.server.messaging.isBrokerAvailable());
        });

        afterEach(async () => {
          await Promise.all(servers.map((server) => server.close()));
          await line.close();
        });

        it("is cut off: who is on the other one goes on", async () => {
          if (connections === "own") {
            expect(await rod.frame()).to.include("message:Broker not available\n");
            expect(await rod.closed()).to.equal(1002);
          }
          const refused = await far.connect("late").catch((error: Error) => error.message);
          expect(refused).to.include("Broker not available");
          expect(await sending(far, "ann", "from the one that is cut off")).to.be.instanceOf(
            BrokerNotAvailableError,
          );

          expect(await sending(near, "ann", "a letter")).to.equal(undefined);
          expect(bodyOf(await ann.frame())).to.equal("a letter");
          ann.send("SEND\ndestination:/topic/news\n\nnews^@");
          expect(bodyOf(await ann.frame())).to.equal("news");
          expect(await ann.synchronize()).to.deep.equal([]);
        });

        it("is forgotten by the other one, which it forgets", async () => {
          await untilUsers(near, ["ann"]);
          await untilUsers(far, connections === "own" ? [] : ["rod"]);
        });

        it("is there again when the line is: everything arrives once, but what was missed", async () => {
          if (connections === "own") {
            await rod.frame();
            await rod.closed();
          }
          await untilUsers(near, ["ann"]);
          expect(await sending(far, "ann", "missed")).to.be.instanceOf(BrokerNotAvailableError);
          expect(await sending(near, "rod", "missed")).to.equal(undefined);
          await near.server.messaging.template.convertAndSend("/topic/news", "missed");
          expect(bodyOf(await ann.frame())).to.equal("missed");

          line.refuse(false);
          line.resume();
          await untilJoined(servers);
          if (connections === "own") rod = await listening(far, "rod");
          for (const server of servers) await untilUsers(server, ["ann", "rod"]);

          // A shared subscription is there a moment after the connection.
          const { template } = near.server.messaging;
          const news: string[] = [];
          const publish = async () => {
            news.push(`${news.length}`);
            await template.convertAndSend("/topic/news", news.at(-1));
          };
          let isHeard = false;
          const first = rod.frame().finally(() => {
            isHeard = true;
          });
          while (!isHeard) await publish();
          for (let more = 0; more < 5; more++) await publish();
          for (const each of news) expect(bodyOf(await ann.frame())).to.equal(each);
          const begin = news.indexOf(bodyOf(await first));
          expect(begin).to.be.at.least(0);
          for (const each of news.slice(begin + 1)) expect(bodyOf(await rod.frame())).to.equal(each);

          for (const letter of ["1", "2", "3"]) {
            expect(await sending(near, "rod", letter)).to.equal(undefined);
            expect(await sending(far, "ann", letter)).to.equal(undefined);
          }
          for (const client of [ann, rod]) {
            for (const letter of ["1", "2", "3"]) expect(bodyOf(await client.frame())).to.equal(letter);
            expect(await client.synchronize()).to.deep.equal([]);
          }
        });
      });
    }
  });

  async function listening(server: Users, name: string): Promise<RawClient> {
    const client = await server.connect(name);
    client.send("SUBSCRIBE\nid:0\ndestination:/user/queue/letters\n\n^@");
    client.send("SUBSCRIBE\nid:1\ndestination:/topic/news\nreceipt:0\n\n^@");
    expect(await client.frame()).to.include("RECEIPT");
    return client;
  }

  /** Waits until the server knows these with both of their subscriptions, and nobody else. */
  async function untilUsers({ server }: Users, names: readonly string[]): Promise<void> {
    const { userRegistry } = server.messaging;
    const wanted = names.flatMap((name) => [`${name} /topic/news`, `${name} /user/queue/letters`]).join();
    await until(() => {
      const all = userRegistry.findSubscriptions(() => true);
      const known = all.map(({ session, destination }) => `${session.user.name} ${destination}`);
      return userRegistry.getUserCount() === names.length && known.toSorted().join() === wanted;
    });
  }

  /** Sends a letter; gives what its sender is told, nothing when the broker has it. */
  function sending({ server }: Users, to: string, letter: string): Promise<unknown> {
    return server.messaging.template.convertAndSendToUser(to, "/queue/letters", letter).then(
      () => undefined,
      (error: unknown) => error,
    );
  }

  function bodyOf(frame: string): string {
    return frame.slice(frame.indexOf("\n\n") + 2, -"^@".length);
  }
});

describe("Servers whose broker was away for longer than they remember each other", function () {
  this.timeout(120_000);

  onEachBroker((broker) => {
    let lines: FaultProxy[];
    let servers: Users[];

    beforeEach(async () => {
      lines = [await faultProxy(broker()), await faultProxy(broker())];
      const left = [...lines];
      servers = await startServers(2, () => {
        const { host, port } = left.shift()!;
        const options = {
          ...broadcasts({ users: "servers.away.users", registry: "servers.away.registry" }),
          connections: "shared" as const,
          registryExpirationPeriod: 500,
          reconnectInterval: 100,
        };
        return on(broker(), { ...options, relayHost: host, relayPort: port });
      });
    });

    afterEach(async () => {
      await Promise.all(servers.map((server) => server.close()));
      await Promise.all(lines.map((line) => line.close()));
    });

    it("lose nothing that they say in the moment in which it is back", async () => {
      const [near, far] = servers as [Users, Users];
      const [rod, ann] = [await far.connect("rod"), await far.connect("ann")];
      rod.send("SUBSCRIBE\nid:0\ndestination:/user/queue/letters\n\n^@");
      await rod.synchronize();
      const { messaging } = near.server;
      await until(() => messaging.userRegistry.getUserCount() === 2);

      for (const line of lines) {
        line.refuse();
        line.cut();
      }
      await until(() => messaging.userRegistry.getUserCount() === 0);
      const said = new Promise<void>((resolve, reject) => {
        messaging.on("brokerAvailability", ({ isAvailable }) => {
          if (!isAvailable) return;
          messaging.disconnect({ user: "ann" }, "You have to leave");
          const letters = ["first", "second"].map((letter) =>
            messaging.template.convertAndSendToUser("rod", "/queue/letters", letter),
          );
          Promise.all(letters).then(() => resolve(), reject);
        });
      });
      for (const line of lines) line.refuse(false);
      await said;
      for (const letter of ["first", "second"]) expect(await rod.frame()).to.include(letter);
      expect(await ann.frame()).to.include("message:You have to leave\n");
      await until(() => messaging.userRegistry.getUserCount() === 1);
    });
  });
});

describe("One of three servers", function () {
  this.timeout(120_000);

  onRabbitMq((broker) => {
    it("is forgotten when it is killed, and its users go on elsewhere", async () => {
      const relay: StompBrokerRelayOptions = {
        ...relayTo(broker()),
        destinationPrefixes: ["/topic", "/exchange"],
        ...broadcasts({ users: "servers.three.users", registry: "servers.three.registry" }),
        registryExpirationPeriod: 1000,
      };
      const servers = await Promise.all([1, 2, 3].map(() => ServerProcess.behind(relay)));
      const [first, second, third] = servers as [ServerProcess, ServerProcess, ServerProcess];
      const ann = await first.connect("ann");
      await third.connect("rod");
      for (const server of servers) await server.untilUsers(["ann", "rod"]);

      await third.kill();
      for (const server of [first, second]) await server.untilUsers(["ann"]);

      const rod = await second.connect("rod");
      rod.send("SUBSCRIBE\nid:0\ndestination:/user/queue/letters\n\n^@");
      await rod.synchronize();
      for (const server of [first, second]) await server.untilUsers(["ann", "rod"]);
      ann.send("SEND\ndestination:/user/rod/queue/letters\n\nwelcome back^@");
      expect(await rod.frame()).to.include("welcome back");
      expect(await rod.synchronize()).to.deep.equal([]);
      await Promise.all([first.kill(), second.kill()]);
    });
  });
});
