import { expect } from "chai";
import { type BrokerFactory, type StompMessagingOptions, simpleBroker } from "express-stomp";
import type { RawClient } from "../support/raw-client.js";
import { heard, subscribe, type Users, withUsers } from "../support/users.js";

describe("User destinations", () => {
  let users: Users;

  const start = async (options?: Partial<StompMessagingOptions>) => {
    users = await withUsers(options);
  };
  const tell = (name: string, destination: string, payload: unknown, headers = {}) =>
    users.server.messaging.template.convertAndSendToUser(name, destination, payload, headers);

  afterEach(() => users.close());

  describe("when another client listens", () => {
    const brokers: [string, BrokerFactory][] = [
      ["for every destination", simpleBroker()],
      ["for /topic and /queue", simpleBroker({ destinationPrefixes: ["/topic", "/queue"] })],
      ["for /user too", simpleBroker({ destinationPrefixes: ["/topic", "/user"] })],
    ];
    for (const [where, broker] of brokers) {
      it(`are heard by no destination and no wildcard of a broker ${where}`, async () => {
        await start({ broker });
        const joe = await users.connect("joe");
        subscribe(joe, "s", "/user/queue/x");
        await joe.synchronize();
        const tries = [
          "/queue/x",
          "/queue/*",
          "/queue/**",
          "/queue/x*",
          `/queue/x-user${joe.sessionId}`,
          "/**",
          "**",
          "/*/queue/x",
          "/*/*/*",
          "/{a}/{b}/{c}",
          "/use?/queue/x",
          "/use*/queue/x",
          "/{user}/queue/x",
          "*/user/queue/x",
          "/user/joe/queue/x",
          "/user/*/queue/x",
          "/user/joe/**",
          "/user/**",
          "/user/{name}/queue/x",
          `/user/${joe.sessionId}/queue/x`,
          `${joe.sessionId}/user/queue/x`,
          "//user/queue/x",
          "/user//queue/x",
          "/user/../user/queue/x",
          "/USER/queue/x",
          "/user%2Fqueue%2Fx",
          "user/queue/x",
          "/user/queue/x",
        ];
        const listening: RawClient[] = [];
        for (const destination of tries) {
          for (const name of ["bob", undefined]) {
            const client = await users.connect(name);
            subscribe(client, "1", destination);
            const [refusal] = await client.outcome();
            if (refusal === undefined) listening.push(client);
            else expect(refusal).to.include("message:Nothing here serves");
          }
        }
        expect(listening).to.have.length.above(10);

        await tell("joe", "/queue/x", "secret");

        expect(await heard(joe)).to.deep.equal(["s /user/queue/x secret"]);
        for (const client of listening) expect(await heard(client)).to.deep.equal([]);
      });
    }

    it("are not made public by a header of that client", async () => {
      await start();
      const [joe, bob] = [await users.connect("joe"), await users.connect("bob")];
      subscribe(joe, "s", "/user/queue/x");
      await joe.synchronize();

      const headers = ["privateTo", "sessionId", "simpSessionId", "user", "session"];
      const lines = headers.map((name) => `${name}:${joe.sessionId}\n`).join("");
      bob.send(`SUBSCRIBE\nid:1\ndestination:/user/queue/x\n${lines}\n^@`);
      bob.send(`SUBSCRIBE\nid:2\ndestination:/queue/x\n${lines}\n^@`);
      await bob.synchronize();
      await tell("joe", "/queue/x", "secret");

      expect(await heard(bob)).to.deep.equal([]);
    });
  });

  describe("when a client sends there", () => {
    const refused = [
      "/user/joe/queue/x",
      "/user/queue/x",
      "/user/queue",
      "/user/",
      "/user/*/queue/x",
      "/user/**",
      "/user//queue/x",
      "/user/jo%65/queue/x",
      "/user/./joe/queue/x",
    ];
    for (const destination of refused) {
      it(`refuse ${destination} with ERROR`, async () => {
        await start({ broker: simpleBroker() });
        const [joe, bob] = [await users.connect("joe"), await users.connect("bob")];
        subscribe(joe, "s", "/user/**");
        await joe.synchronize();

        bob.send(`SEND\ndestination:${destination}\nreceipt:r\n\nforged^@`);

        expect(await bob.frame()).to.match(/^ERROR\nmessage:Clients may not send to users\nreceipt-id:r\n/);
        expect(await bob.closed()).to.equal(1002);
        expect(await heard(joe)).to.deep.equal([]);
      });
    }

    it("are reached by no other spelling, and by no header", async () => {
      await start({ broker: simpleBroker() });
      const [joe, bob] = [await users.connect("joe"), await users.connect("bob")];
      for (const [id, own] of ["/user/**", "/user/queue/x", "/user/*/x"].entries())
        subscribe(joe, `${id}`, own);
      await joe.synchronize();

      const headers = ["privateTo", "sessionId", "simpSessionId", "user", "session", "__proto__"];
      const lines = headers.map((name) => `${name}:${joe.sessionId}\n`).join("");
      for (const destination of [
        "/user",
        "//user/joe/queue/x",
        "/USER/joe/queue/x",
        "/User/queue/x",
        " /user/joe/queue/x",
        "user/joe/queue/x",
        "/user%2Fjoe/queue/x",
        "/%75ser/joe/queue/x",
        "/./user/joe/queue/x",
        "/x/../user/queue/x",
        "/us*/queue/x",
        "/**",
        "/queue/x",
        `/queue/x-user${joe.sessionId}`,
        `${joe.sessionId}/user/queue/x`,
        "\\c/user/joe/queue/x",
        "/user\\n/joe/queue/x",
        "/user\u2215joe/queue/x",
        "/ｕser/joe/queue/x",
      ]) {
        bob.send(`SEND\ndestination:${destination}\n${lines}\nforged^@`);
      }

      expect(await heard(bob)).to.deep.equal([]);
      expect(await heard(joe)).to.deep.equal([]);
    });

    it("are reached by name when the application allows it, and not by the id of a session", async () => {
      await start({ clientsMaySendToUsers: true });
      const [joe, bob, stranger, other] = [
        await users.connect("jo/e"),
        await users.connect("bob"),
        await users.connect(),
        await users.connect(),
      ];
      const all = [joe, bob, stranger, other];
      for (const client of all) {
        subscribe(client, "s", "/user/queue/x");
        await client.synchronize();
      }

      const send = (client: RawClient, name: string, body: string) =>
        client.send(`SEND\ndestination:/user/${name}/queue/x\n\n${body}^@`);
      send(bob, "jo%2Fe", "hello");
      send(bob, stranger.sessionId, "stranger");
      send(bob, joe.sessionId, "session");
      send(stranger, stranger.sessionId, "myself");
      send(stranger, other.sessionId, "other");
      const toBob = await heard(bob);
      const toStranger = await heard(stranger);

      expect(toStranger).to.deep.equal(["s /user/queue/x myself"]);
      expect([toBob, await heard(joe), await heard(other)]).to.deep.equal([
        [],
        ["s /user/queue/x hello"],
        [],
      ]);
    });

    it("refuse what names nobody, also when the application allows to send", async () => {
      await start({ clientsMaySendToUsers: true });
      const bob = await users.connect("bob");

      bob.send("SEND\ndestination:/user/queue\n\n^@");

      expect(await bob.frame()).to.include(
        "message:The destination names no user, or no destination of one\n",
      );
      expect(await bob.closed()).to.equal(1002);
    });
  });
});
