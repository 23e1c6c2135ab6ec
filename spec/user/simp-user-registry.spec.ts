import { expect } from "chai";
import { Controller, type SimpSubscription, SubscribeMapping, withHeaders } from "express-stomp";
import { type Users, withUsers } from "../support/users.js";

@Controller()
class ClockController {
  @SubscribeMapping("/now")
  now() {
    return 1;
  }
}

const described = ({ session, id, destination }: SimpSubscription) =>
  `${session.user.name} ${id} ${destination}`;

describe("SimpUserRegistry", () => {
  let users: Users;

  beforeEach(async () => {
    users = await withUsers({ controllers: [ClockController] });
  });

  afterEach(() => users.close());

  const registry = () => users.server.messaging.userRegistry;
  const all = () =>
    registry()
      .findSubscriptions(() => true)
      .map(described);
  /** Waits until a session's end was announced. */
  const gone = (sessionId: string) =>
    new Promise<void>((resolve) => {
      users.server.messaging.on("disconnect", (event) => {
        if (event.sessionId === sessionId) resolve();
      });
    });

  it("knows nobody at first", () => {
    expect(registry().getUsers()).to.deep.equal([]);
    expect(registry().getUserCount()).to.equal(0);
    expect(registry().getUser("joe")).to.equal(undefined);
  });

  it("counts a user with several sessions once, and strangers not at all", async () => {
    const [one, two] = [await users.connect("joe"), await users.connect("joe"), await users.connect()];

    expect(registry().getUserCount()).to.equal(1);
    const joe = registry().getUser("joe");
    expect(registry().getUsers()).to.deep.equal([joe]);
    expect(joe?.principal).to.deep.equal({ name: "joe" });
    expect([...(joe?.sessions.keys() ?? [])]).to.deep.equal([one.sessionId, two.sessionId]);
    expect(joe?.sessions.get(one.sessionId)?.user).to.equal(joe);
  });

  it("finds subscriptions, each as its client wrote it", async () => {
    const [joe, bob] = [await users.connect("joe"), await users.connect("bob")];
    joe.send("SUBSCRIBE\nid:1\ndestination:/topic/*\n\n^@SUBSCRIBE\nid:2\ndestination:/user/queue/x\n\n^@");
    bob.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
    for (const client of [joe, bob]) await client.synchronize();

    expect(all()).to.deep.equal(["joe 1 /topic/*", "joe 2 /user/queue/x", "bob 1 /topic/a"]);
    expect(
      registry()
        .findSubscriptions(({ destination }) => destination === "/topic/a")
        .map(described),
    ).to.deep.equal(["bob 1 /topic/a"]);
  });

  it("knows a subscription as soon as its receipt is there, and no longer after UNSUBSCRIBE", async () => {
    const joe = await users.connect("joe");
    joe.send("SUBSCRIBE\nid:1\ndestination:/topic/a\nreceipt:r\n\n^@");
    await joe.frame();
    expect(all()).to.deep.equal(["joe 1 /topic/a"]);

    joe.send("UNSUBSCRIBE\nid:1\nreceipt:r\n\n^@");
    await joe.frame();
    expect(all()).to.deep.equal([]);
  });

  it("leaves out what nobody delivers to: a controller's, nobody's, and what was refused", async () => {
    const joe = await users.connect("joe");
    joe.send("SUBSCRIBE\nid:1\ndestination:/app/now\n\n^@");
    await joe.synchronize();
    const ann = await users.connect("ann");
    ann.send("SUBSCRIBE\nid:2\ndestination:/nowhere\n\n^@");
    expect(await ann.frame()).to.include("ERROR");
    expect(all()).to.deep.equal([]);

    joe.send("SUBSCRIBE\nid:3\ndestination:/topic/a\n\n^@SUBSCRIBE\nid:3\ndestination:/topic/b\n\n^@");
    expect(await joe.frame()).to.include("ERROR");
    expect(all()).to.not.include("joe 3 /topic/b");
  });

  it("keeps the destination of an id that a controller answers too", async () => {
    const joe = await users.connect("joe");
    joe.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@SUBSCRIBE\nid:1\ndestination:/app/now\n\n^@");
    await joe.synchronize();

    expect(all()).to.deep.equal(["joe 1 /topic/a"]);
  });

  it("forgets a session that says goodbye, and the user with the last one", async () => {
    const [one, two] = [await users.connect("joe"), await users.connect("joe")];
    const joe = registry().getUser("joe");

    one.send("DISCONNECT\nreceipt:r\n\n^@");
    await one.frame();
    expect([...(joe?.sessions.keys() ?? [])]).to.deep.equal([two.sessionId]);

    two.send("DISCONNECT\nreceipt:r\n\n^@");
    await two.frame();
    expect(joe?.sessions.size).to.equal(0);
    expect(registry().getUserCount()).to.equal(0);
  });

  it("forgets a session whose client crashed, with its subscriptions", async () => {
    const [one, two] = [await users.connect("joe"), await users.connect("joe")];
    for (const client of [one, two]) {
      client.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
      await client.synchronize();
    }
    const ended = gone(one.sessionId);

    one.cut();
    await ended;

    expect(all()).to.deep.equal(["joe 1 /topic/a"]);
    expect(registry().getUser("joe")?.sessions.size).to.equal(1);
  });

  it("shows a user who comes again anew", async () => {
    const one = await users.connect("joe");
    const before = registry().getUser("joe");
    one.send("DISCONNECT\nreceipt:r\n\n^@");
    await one.frame();
    await users.connect("joe");

    expect(registry().getUser("joe")).to.not.equal(before);
    expect(registry().getUser("joe")?.sessions.size).to.equal(1);
  });

  it("knows a session when `connected` is announced, and not any more at `disconnect`", async () => {
    const seen: [string, number][] = [];
    for (const name of ["connected", "disconnect"] as const) {
      users.server.messaging.on(name, () => void seen.push([name, registry().getUserCount()]));
    }
    const joe = await users.connect("joe");
    const ended = gone(joe.sessionId);
    joe.cut();
    await ended;

    expect(seen).to.deep.equal([
      ["connected", 1],
      ["disconnect", 0],
    ]);
  });

  it("knows the user whom CONNECT_ACK made it, as the session does", async () => {
    await users.close();
    users = await withUsers({
      clientOutboundChannel: {
        interceptors: [
          {
            preSend: (message) =>
              message.headers.messageType === "CONNECT_ACK"
                ? withHeaders(message, { user: { name: "admin" } })
                : message,
          },
        ],
      },
    });
    await users.connect("joe");

    expect(
      registry()
        .getUsers()
        .map(({ name }) => name),
    ).to.deep.equal(["admin"]);
  });

  it("does not know who was refused at CONNECT, neither at once nor later", async () => {
    await users.close();
    users = await withUsers({
      clientOutboundChannel: {
        interceptors: [
          {
            preSend: async (message) => {
              expect(registry().getUserCount()).to.equal(0);
              return message.headers.messageType === "CONNECT_ACK" ? null : message;
            },
          },
        ],
      },
    });

    await users.connect("joe").then(
      () => expect.fail("was connected"),
      (error: Error) => expect(error.message).to.include("The connection was refused"),
    );

    expect(registry().getUserCount()).to.equal(0);
  });
});
