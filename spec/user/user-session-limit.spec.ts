import { expect } from "chai";
import { UserSessionLimit } from "#lib/user/user-session-limit.js";
import { RawClient } from "../support/raw-client.js";
import { type Users, withUsers } from "../support/users.js";

const CONNECT = "CONNECT\naccept-version:1.2\nhost:spec\n\n^@";

describe("UserSessionLimit", () => {
  let users: Users;

  const start = async (beyond?: "refuse" | "end-oldest", limit = 2) => {
    users = await withUsers({ userSessions: { limit, ...(beyond && { beyond }) } });
  };
  const open = (name: string) => RawClient.open(users.server.port, "/ws", { headers: { "x-user": name } });
  const idsOf = (name: string) => [
    ...(users.server.messaging.userRegistry.getUser(name)?.sessions.keys() ?? []),
  ];

  afterEach(() => users.close());

  describe("when the newest is refused, as by default", () => {
    it("refuses one session more with ERROR, and leaves the others and other people alone", async () => {
      await start();
      const [one, two] = [await users.connect("joe"), await users.connect("joe")];
      const three = await open("joe");
      three.send(CONNECT);

      expect(await three.frame()).to.include("message:A user has at most 2 sessions\n");
      expect(await three.closed()).to.equal(1002);
      await users.connect("bob");
      expect(idsOf("joe")).to.deep.equal([one.sessionId, two.sessionId]);
      for (const client of [one, two]) expect(await client.synchronize()).to.deep.equal([]);
    });

    it("takes one again when one has left, and counts none twice", async () => {
      await start();
      const one = await users.connect("joe");
      const two = await users.connect("joe");
      for (let i = 0; i < 3; i++) {
        const refused = await open("joe");
        refused.send(CONNECT);
        expect(await refused.frame()).to.include("ERROR");
        expect(await refused.closed()).to.equal(1002);
      }

      one.send("DISCONNECT\nreceipt:r\n\n^@");
      await one.frame();
      const three = await users.connect("joe");

      expect(idsOf("joe")).to.deep.equal([two.sessionId, three.sessionId]);
    });

    it("lets no more through when many connect at once, slowly", async () => {
      let waiting = 0;
      let open = () => {};
      const all = new Promise<void>((resolve) => {
        open = resolve;
      });
      users = await withUsers({
        userSessions: { limit: 1 },
        clientOutboundChannel: {
          interceptors: [
            {
              async preSend(message) {
                if (message.headers.messageType === "CONNECT_ACK" && ++waiting > 0) await all;
                return message;
              },
            },
          ],
        },
      });
      const clients = await Promise.all(
        ["joe", "joe", "joe"].map((name) =>
          RawClient.open(users.server.port, "/ws", { headers: { "x-user": name } }),
        ),
      );
      for (const client of clients) client.send(CONNECT);
      const answers = clients.map((client) => client.frame());
      await Promise.any(answers);
      open();

      const commands = (await Promise.all(answers)).map((frame) => frame.split("\n")[0]);
      expect(commands.sort()).to.deep.equal(["CONNECTED", "ERROR", "ERROR"]);
      expect(waiting).to.equal(1);
      for (const client of clients) client.cut();
    });

    it("does not hold strangers to it", async () => {
      await start("refuse", 1);
      for (let i = 0; i < 3; i++) await users.connect();
    });
  });

  describe("when the oldest is to go", () => {
    it("ends it with ERROR, and takes the newest", async () => {
      await start("end-oldest");
      const [one, two, three] = [
        await users.connect("joe"),
        await users.connect("joe"),
        await users.connect("joe"),
      ];

      expect(await one.frame()).to.include(
        "message:A user has at most 2 sessions\\c this one is the oldest\n",
      );
      expect(await one.closed()).to.equal(1002);
      expect(await two.synchronize()).to.deep.equal([]);
      expect(idsOf("joe")).to.deep.equal([two.sessionId, three.sessionId]);
    });

    it("counts it no more, whenever it really ends", () => {
      const ended: string[] = [];
      const limit = new UserSessionLimit({ limit: 1, beyond: "end-oldest" }, (id) => void ended.push(id));
      for (const id of ["1", "2", "3"]) limit.enter("joe", id);

      expect(ended).to.deep.equal(["1", "2"]);
    });

    it("is as exact with one session", async () => {
      await start("end-oldest", 1);
      let last = await users.connect("joe");
      for (let i = 0; i < 3; i++) {
        const next = await users.connect("joe");
        expect(await last.frame()).to.include(
          "message:A user has at most 1 session\\c this one is the oldest\n",
        );
        expect(await last.closed()).to.equal(1002);
        last = next;
      }
      expect(idsOf("joe")).to.deep.equal([last.sessionId]);
    });
  });
});
