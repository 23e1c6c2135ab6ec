import { randomBytes } from "node:crypto";
import { expect } from "chai";
import { type Message, MessageDeliveryError } from "express-stomp";
import { onEachBroker } from "../support/brokers.js";
import { broadcasts, on } from "../support/servers-on-broker.js";
import { type Users, withUsers } from "../support/users.js";
import { describeUsersOnServers, startServers, until } from "../support/users-on-servers.js";

describe("Servers on one broker", function () {
  this.timeout(120_000);

  onEachBroker((broker, name) => {
    describe("for their users", () => describeUsersOnServers(() => on(broker())));

    for (const connections of ["own", "shared"] as const) {
      describe(`with ${connections} connections of their clients`, () => {
        let servers: Users[];

        beforeEach(async () => {
          const options = {
            ...broadcasts({ users: "servers.users", registry: "servers.registry" }),
            connections,
          };
          servers = await startServers(2, () => on(broker(), options));
        });

        afterEach(() => Promise.all(servers.map((server) => server.close())));

        it("pass on everything to everybody, once and in the order of its sender", async () => {
          const all = await Promise.all(
            Array.from({ length: 20 }, (_, i) => servers[i % 2]!.connect(`user-${i}`)),
          );
          for (const client of all) {
            client.send("SUBSCRIBE\nid:0\ndestination:/topic/news\nreceipt:0\n\n^@");
            expect(await client.frame()).to.include("RECEIPT");
          }
          const sender = await servers[1]!.connect("sender");
          const numbers = Array.from({ length: 50 }, (_, i) => `${i}`);
          for (const n of numbers) sender.send(`SEND\ndestination:/topic/news\nreceipt:${n}\n\n${n}^@`);
          for (const n of numbers) expect(await sender.frame()).to.include(`receipt-id:${n}\n`);
          for (const client of all) {
            for (const n of numbers) expect(await client.frame()).to.match(new RegExp(`\n\n${n}\\^@$`));
            expect(await client.synchronize()).to.deep.equal([]);
          }
        });
      });
    }

    describe("with what they say to each other", () => {
      let servers: Users[];
      let names: { users: string; registry: string };

      beforeEach(async () => {
        const id = randomBytes(4).toString("hex");
        names = { users: `servers.users.${id}`, registry: `servers.registry.${id}` };
        servers = await startServers(2, () => on(broker(), broadcasts(names)));
      });

      afterEach(() => Promise.all(servers.map((server) => server.close())));

      const spellings = [
        "/topic/NAME",
        "/topic/NAME ",
        "/topic/\u0001NAME\u001f",
        "/topic/NAME?consumer.prefetchSize=1",
        "/topic/other,/topic/NAME",
        "/topic/topic://NAME",
        ...(name === "RabbitMQ" ? ["/exchange/amq.topic/NAME", "/topic/%73ervers%2eusers.ID"] : []),
      ];
      for (const spelling of spellings) {
        it(`let no client send or subscribe to ${JSON.stringify(spelling)}`, async () => {
          const destination = spelling.replace("NAME", names.users).replace("ID", names.users.split(".")[2]!);
          for (const command of ["SEND", "SUBSCRIBE\nid:7"]) {
            const client = await servers[0]!.connect("eve");
            client.send(`${command}\ndestination:${destination.replaceAll(":", "\\c")}\n\n^@`);
            expect(await client.frame()).to.include("message:This destination is for servers only\n");
            expect(await client.closed()).to.equal(1002);
          }
        });
      }

      it("leave controllers, users' destinations and queues of that name to clients", async () => {
        const client = await servers[0]!.connect("rod");
        for (const head of [
          `SUBSCRIBE\nid:1\ndestination:/user/queue/${names.users}`,
          `SUBSCRIBE\nid:2\ndestination:/queue/${names.users}`,
        ]) {
          client.send(`${head}\nreceipt:r\n\n^@`);
          expect(await client.frame(), head).to.include("receipt-id:r\n");
        }
        // No controller is mapped there; but they are asked.
        for (const command of ["SEND", "SUBSCRIBE\nid:3"]) {
          const other = await servers[0]!.connect("rod");
          other.send(`${command}\ndestination:/app/${names.users}\nreceipt:r\n\n^@`);
          expect(await other.frame()).to.include(`message:Nothing here serves /app/${names.users}\n`);
        }
      });

      const patterns =
        name === "ActiveMQ" ? ["/topic/>", "/topic/servers.*.*"] : ["/topic/#", "/topic/servers.*.*"];
      for (const pattern of patterns) {
        it(`is not heard by a client that subscribes to ${pattern}`, async () => {
          const eve = await servers[0]!.connect("eve");
          eve.send(`SUBSCRIBE\nid:0\ndestination:${pattern}\nreceipt:1\n\n^@`);
          expect(await eve.frame()).to.include("RECEIPT");
          const rod = await servers[1]!.connect("rod");
          rod.send("SUBSCRIBE\nid:0\ndestination:/user/queue/letters\n\n^@");
          await rod.synchronize();
          const { template } = servers[0]!.server.messaging;
          await template.convertAndSendToUser("rod", "/queue/letters", "hello");
          expect(await rod.frame()).to.include("hello");
          await template.convertAndSend("/topic/servers.all.x", "for everybody");
          expect(await eve.frame()).to.include("for everybody");
        });
      }

      it("can be neither read, forged nor replayed by somebody else on the broker", async () => {
        const rod = await servers[1]!.connect("rod");
        rod.send("SUBSCRIBE\nid:0\ndestination:/user/queue/letters\n\n^@");
        await rod.synchronize();
        // Another application of the same broker, which has its logins.
        const { server: eve, close } = await withUsers(on(broker(), {}));
        const recorded: Message[] = [];
        const destination = `/topic/${names.users}`;
        await eve.messaging.system!.subscribe(destination, (message) => void recorded.push(message));

        const { template } = servers[0]!.server.messaging;
        await template.convertAndSendToUser("rod", "/queue/letters", "a secret letter");
        expect(await rod.frame()).to.include("a secret letter");
        await until(() => recorded.length > 0);
        const read = recorded.map(({ payload }) => Buffer.from(payload).toString("latin1")).join();
        expect(read).to.not.include("secret");
        expect(read).to.not.include("rod");

        // Of those that were there: eve hears what she says, too.
        for (const { payload } of [...recorded])
          await eve.messaging.template.convertAndSend(destination, payload);
        const forged = { content: { to: "/user/rod/queue/letters", native: [], byClient: false } };
        await eve.messaging.template.convertAndSend(destination, forged);
        await template.convertAndSendToUser("rod", "/queue/letters", "the next letter");
        expect(await rod.frame()).to.include("the next letter");
        await close();
      });
    });
  });
});

describe("Servers whose users have and send much", function () {
  this.timeout(120_000);

  onEachBroker((broker) => {
    it("lose neither their connection nor a subscription", async () => {
      const options = broadcasts({ users: "servers.much.users", registry: "servers.much.registry" });
      const transport = { idLengthLimit: 8_000 };
      const servers = await startServers(2, () => ({ ...on(broker(), options), transport }));
      const [near, far] = servers as [Users, Users];
      let lost = 0;
      for (const { server } of servers) {
        server.messaging.on("brokerAvailability", ({ isAvailable }) => {
          if (!isAvailable) lost++;
        });
      }
      const rod = await far.connect("rod");
      for (let i = 0; i < 160; i++) {
        rod.send(`SUBSCRIBE\nid:${`${i}`.padEnd(7900, "x")}\ndestination:/user/queue/x\n\n^@`);
        if (i % 20 === 0) await rod.synchronize();
      }
      await rod.synchronize();
      const { template, userRegistry } = near.server.messaging;
      await until(() => userRegistry.findSubscriptions(() => true).length === 160);

      const error = await template
        .convertAndSendToUser("rod", "/queue/x", "x".repeat(1_060_000))
        .catch((thrown: unknown) => thrown);
      expect(error).to.be.instanceOf(MessageDeliveryError);
      // The longest that is taken does not cost the connection either.
      const most = Number(/they take (\d+)/.exec((error as Error).message)![1]) - 500;
      const ann = await far.connect("ann");
      ann.send("SUBSCRIBE\nid:0\ndestination:/user/queue/x\n\n^@");
      await ann.synchronize();
      await template.convertAndSendToUser("ann", "/queue/x", "x".repeat(most));
      expect(await ann.frame()).to.have.length.above(most);
      expect(lost).to.equal(0);
      await Promise.all(servers.map((server) => server.close()));
    });
  });
});
