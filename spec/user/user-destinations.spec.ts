import { expect } from "chai";
import { MessageDeliveryError, type StompMessagingOptions, simpleBroker } from "express-stomp";
import type { RawClient } from "../support/raw-client.js";
import { heard, subscribe, type Users, withUsers } from "../support/users.js";

const NAMES = [
  "joe",
  "jo/e",
  "jo%2Fe",
  "jo%252Fe",
  "jo%",
  "%25",
  "a:b",
  " ",
  " joe",
  "joe ",
  "..",
  ".",
  "*",
  "**",
  "{a}",
  "?oe",
  "JOE",
  "joé",
  "joe\u0301",
  "👩‍🚀",
  "__proto__",
  "constructor",
  "queue",
  "user",
  "/user/joe",
  "joe/queue",
  "joe\r\nadmin:true",
  "\u0000",
];

describe("User destinations", () => {
  let users: Users;

  const start = async (options?: Partial<StompMessagingOptions>) => {
    users = await withUsers(options);
  };
  const tell = (name: string, destination: string, payload: unknown, headers = {}) =>
    users.server.messaging.template.convertAndSendToUser(name, destination, payload, headers);

  afterEach(() => users.close());

  describe("when the application sends to a user", () => {
    beforeEach(() => start());

    it("reach every session of this user, at the name that was subscribed to, and nobody else", async () => {
      const [one, two, bob, stranger] = [
        await users.connect("joe"),
        await users.connect("joe"),
        await users.connect("bob"),
        await users.connect(),
      ];
      for (const client of [one, two, bob, stranger]) subscribe(client, "s", "/user/queue/x");
      for (const client of [one, two, bob, stranger]) await client.synchronize();

      await tell("joe", "/queue/x", "hello", { colour: "red" });

      for (const client of [one, two]) {
        expect(await client.frame()).to.match(
          /^MESSAGE\ndestination:\/user\/queue\/x\ncontent-type:text\/plain;charset=UTF-8\ncolour:red\nsubscription:s\nmessage-id:[^\n]+\ncontent-length:5\n\nhello\^@$/,
        );
        expect(await heard(client)).to.deep.equal([]);
      }
      for (const client of [bob, stranger]) expect(await heard(client)).to.deep.equal([]);
    });

    it("isolate every name from every other, whatever it is spelled like", async () => {
      const people = new Map<string, RawClient>();
      for (const name of NAMES) people.set(name, await users.connect(name));
      for (const client of people.values()) {
        subscribe(client, "s", "/user/queue/x");
        await client.synchronize();
      }

      for (const name of NAMES) await tell(name, "/queue/x", `for ${encodeURIComponent(name)}`);

      for (const [name, client] of people) {
        expect(await heard(client), name).to.deep.equal([`s /user/queue/x for ${encodeURIComponent(name)}`]);
      }
    });

    it("reach one session alone when it is named", async () => {
      const [one, two] = [await users.connect("joe"), await users.connect("joe")];
      for (const client of [one, two]) {
        subscribe(client, "s", "/user/queue/x");
        await client.synchronize();
      }

      await tell("joe", "/queue/x", "hello", { sessionId: two.sessionId, a: "1" });

      expect(await heard(one)).to.deep.equal([]);
      const frame = await two.frame();
      expect(frame).to.include("\na:1\n");
      expect(frame).to.not.include("sessionId");
    });

    it("reach nobody when the session that is named is another's, or gone", async () => {
      const [joe, bob] = [await users.connect("joe"), await users.connect("bob")];
      for (const client of [joe, bob]) {
        subscribe(client, "s", "/user/queue/x");
        await client.synchronize();
      }

      await tell("joe", "/queue/x", "hello", { sessionId: bob.sessionId });
      await tell("joe", "/queue/x", "hello", { sessionId: "gone" });
      await tell("joe", "/queue/x", "hello", { sessionId: "" });

      for (const client of [joe, bob]) expect(await heard(client)).to.deep.equal([]);
    });

    it("reach a session without a user by its id, with the session named or not", async () => {
      const [one, two] = [await users.connect(), await users.connect()];
      for (const client of [one, two]) {
        subscribe(client, "s", "/user/queue/x");
        await client.synchronize();
      }

      await tell(one.sessionId, "/queue/x", "a");
      await tell(one.sessionId, "/queue/x", "b", { sessionId: one.sessionId });

      expect(await heard(one)).to.deep.equal(["s /user/queue/x a", "s /user/queue/x b"]);
      expect(await heard(two)).to.deep.equal([]);
    });

    it("do not let a user take the name of a stranger's session", async () => {
      const stranger = await users.connect();
      const thief = await users.connect(stranger.sessionId);
      for (const client of [stranger, thief]) {
        subscribe(client, "s", "/user/queue/x");
        await client.synchronize();
      }

      await tell(stranger.sessionId, "/queue/x", "a");
      await tell(stranger.sessionId, "/queue/x", "b", { sessionId: stranger.sessionId });

      expect(await heard(stranger)).to.have.length(2);
      expect(await heard(thief)).to.deep.equal([]);
    });

    it("reach no user by the id of a session", async () => {
      const joe = await users.connect("joe");
      subscribe(joe, "s", "/user/queue/x");
      await joe.synchronize();

      await tell(joe.sessionId, "/queue/x", "a");

      expect(await heard(joe)).to.deep.equal([]);
    });

    it("are silent about somebody who is not there, or has not subscribed", async () => {
      const joe = await users.connect("joe");

      await tell("joe", "/queue/x", "a");
      await tell("nobody", "/queue/x", "a");
      subscribe(joe, "s", "/user/queue/x");

      expect(await heard(joe)).to.deep.equal([]);
    });

    it("may be subscribed to by a pattern, which hears what is this user's", async () => {
      const [joe, bob] = [await users.connect("joe"), await users.connect("bob")];
      for (const client of [joe, bob]) {
        subscribe(client, "1", "/user/queue/*");
        subscribe(client, "2", "/user/**");
        await client.synchronize();
      }

      await tell("joe", "/queue/x", "a");
      await tell("joe", "queue/x/y", "b");

      expect(await heard(joe)).to.have.members([
        "1 /user/queue/x a",
        "2 /user/queue/x a",
        "2 /user/queue/x/y b",
      ]);
      expect(await heard(bob)).to.deep.equal([]);
    });

    it("arrive in the order sent, among the others", async () => {
      const joe = await users.connect("joe");
      subscribe(joe, "u", "/user/queue/x");
      subscribe(joe, "t", "/topic/x");
      await joe.synchronize();

      const { template } = users.server.messaging;
      for (let i = 0; i < 20; i++) {
        await (i % 2 ? tell("joe", "/queue/x", i) : template.convertAndSend("/topic/x", i));
      }

      const bodies = (await heard(joe)).map((line) => Number(line.split(" ")[2]));
      expect(bodies).to.deep.equal([...Array(20).keys()]);
    });

    it("stop with UNSUBSCRIBE by id, and with the session", async () => {
      const [joe, other] = [await users.connect("joe"), await users.connect("joe")];
      for (const client of [joe, other]) subscribe(client, "s", "/user/queue/x");
      joe.send("UNSUBSCRIBE\nid:s\n\n^@");
      await joe.synchronize();
      other.send("DISCONNECT\n\n^@");
      expect(await other.closed()).to.equal(1000);

      await tell("joe", "/queue/x", "a");

      expect(await heard(joe)).to.deep.equal([]);
    });

    it("refuse a subscription id that is in use, and one too many", async () => {
      await users.close();
      await start({ broker: simpleBroker({ subscriptionLimit: 2 }) });
      const [joe, bob] = [await users.connect("joe"), await users.connect("bob")];
      subscribe(joe, "s", "/topic/x");
      subscribe(joe, "s", "/user/queue/x");
      for (const id of ["1", "2", "3"]) subscribe(bob, id, "/user/queue/x");

      expect(await joe.frame()).to.include("message:The subscription id s is in use\n");
      expect(await bob.frame()).to.include("message:Session passes subscriptionLimit\\c 2\n");
    });
  });

  describe("when the application sends to no user", () => {
    beforeEach(() => start());

    const rejects = async (sent: Promise<void>) => {
      const error: unknown = await sent.then(
        () => undefined,
        (reason) => reason,
      );
      expect(error).to.be.instanceOf(MessageDeliveryError);
      return (error as Error).message;
    };

    it("reject an empty name", async () => {
      expect(await rejects(tell("", "/queue/x", "a"))).to.equal(
        "A message to /queue/x of a user names nobody",
      );
    });

    for (const destination of ["/user/", "/user/queue", "/user//queue/x", "/user/joe/"]) {
      it(`reject ${destination}`, async () => {
        expect(await rejects(users.server.messaging.template.convertAndSend(destination, "a"))).to.equal(
          `${destination} names no user, or no destination of one`,
        );
      });
    }
  });

  describe("under another prefix", () => {
    for (const userDestinationPrefix of ["/me", "/me/"]) {
      it(`are found below ${userDestinationPrefix}, and /user is like any other`, async () => {
        await start({ userDestinationPrefix, broker: simpleBroker() });
        const joe = await users.connect("joe");
        subscribe(joe, "1", "/me/queue/x");
        subscribe(joe, "2", "/user/queue/x");
        joe.send("SEND\ndestination:/user/queue/x\n\npublic^@");
        await joe.synchronize().then((frames) => expect(frames).to.have.length(1));

        await tell("joe", "/queue/x", "private");

        expect(await heard(joe)).to.deep.equal(["1 /me/queue/x private"]);
        joe.send("SEND\ndestination:/me/joe/queue/x\n\n^@");
        expect(await joe.frame()).to.include("message:Clients may not send to users\n");
      });
    }
  });
});
