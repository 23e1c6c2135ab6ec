import { expect } from "chai";
import {
  messageSecurity,
  type Principal,
  type StompMessaging,
  type StompMessagingOptions,
} from "express-stomp";
import type { RawClient } from "./raw-client.js";
import { untilAvailable } from "./until-available.js";
import { type Users, withUsers } from "./users.js";

type Client = RawClient & { readonly sessionId: string };

/** Waits for something that no event tells of. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Opens servers on one broker, and waits until what one sends to users of another arrives. */
export async function startServers(
  count: number,
  options: () => Partial<StompMessagingOptions>,
  secure = false,
): Promise<Users[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => withUsers(options(), secure)));
  await untilJoined(servers);
  return servers;
}

/** Waits until what each server sends to users of each other arrives. */
export async function untilJoined(servers: readonly Users[]): Promise<void> {
  for (const { server } of servers) await untilAvailable(server.messaging);
  for (const [i, to] of servers.entries()) {
    const probe = await to.connect(`probe-${i}`);
    probe.send("SUBSCRIBE\nid:0\ndestination:/user/queue/probe\n\n^@");
    await probe.synchronize();
    for (const from of servers) {
      const { template } = from.server.messaging;
      const heard = probe.frame();
      let arrived = false;
      void heard.then(() => {
        arrived = true;
      });
      while (!arrived) {
        await template.convertAndSendToUser(`probe-${i}`, "/queue/probe", "?");
        for (let turn = 0; turn < 20 && !arrived; turn++)
          await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
    probe.cut();
  }
}

/** Describes what holds for users of several servers on one broker, whatever broker that is. */
export function describeUsersOnServers(options: () => Partial<StompMessagingOptions>): void {
  let servers: Users[];
  let here: StompMessaging;
  let there: StompMessaging;
  let dismissed: Set<string | undefined>;
  /** Waited for before somebody is judged. */
  let judging: Promise<void> | undefined;
  const isAllowed = (user: Principal | undefined) => !dismissed.has(user?.name);
  const security = messageSecurity(
    (messages) =>
      messages
        .simpSubscribeDestMatchers("/user/queue/letters", "/topic/staff")
        .access((user) => (judging ? judging.then(() => isAllowed(user)) : isAllowed(user)))
        .anyMessage()
        .permitAll(),
    { broker: "relay" },
  );

  beforeEach(async function () {
    this.timeout(120_000);
    dismissed = new Set();
    judging = undefined;
    const presence = { destinations: ["/topic/room.*"], gather: 50, suffix: "who" };
    servers = await startServers(2, () => ({ ...options(), security, presence }));
    [here, there] = servers.map(({ server }) => server.messaging) as [StompMessaging, StompMessaging];
    await until(() => servers.every(({ server }) => server.messaging.userRegistry.getUserCount() === 0));
  });

  afterEach(() => Promise.all(servers.map((server) => server.close())));

  it("take a message to a user who is on another server, once", async () => {
    const rod = await listening(1, "rod");
    await here.template.convertAndSendToUser("rod", "/queue/letters", "hello", { stamp: "7" });
    expect(await letters(rod, 1)).to.deep.equal(["hello"]);
    await drained();
    expect(await rod.synchronize()).to.deep.equal([]);
  });

  it("take its headers and bytes as they are", async () => {
    const rod = await listening(1, "rod");
    await here.template.convertAndSendToUser("rod", "/queue/letters", Buffer.from([0, 255, 10]), {
      "a:b": "1\n2",
    });
    const frame = await rod.frame();
    expect(frame).to.include("destination:/user/queue/letters\n");
    expect(frame).to.include("content-type:application/octet-stream\n");
    expect(frame).to.include("a\\cb:1\\n2\n");
    expect(frame).to.include("content-length:3\n");
    expect(frame).to.not.include("servers-only");
  });

  it("give it to every session of a user once, wherever they are", async () => {
    const sessions = [await listening(0, "rod"), await listening(1, "rod"), await listening(1, "rod")];
    await here.template.convertAndSendToUser("rod", "/queue/letters", "first");
    await there.template.convertAndSendToUser("rod", "/queue/letters", "second");
    for (const session of sessions) {
      expect((await letters(session, 2)).toSorted()).to.deep.equal(["first", "second"]);
    }
    await drained();
    for (const session of sessions) expect(await session.synchronize()).to.deep.equal([]);
  });

  it("keep the order of what one server sends to a user of another", async () => {
    const rod = await listening(1, "rod");
    const numbers = Array.from({ length: 100 }, (_, i) => `${i}`);
    await Promise.all(numbers.map((n) => here.template.convertAndSendToUser("rod", "/queue/letters", n)));
    expect(await letters(rod, 100)).to.deep.equal(numbers);
  });

  it("reach the one session that is meant, of a user on both", async () => {
    const others = [await listening(0, "rod"), await listening(1, "rod")];
    const meant = await listening(1, "rod");
    await here.template.convertAndSendToUser("rod", "/queue/letters", "you", { sessionId: meant.sessionId });
    expect(await letters(meant, 1)).to.deep.equal(["you"]);
    await drained();
    for (const other of others) expect(await other.synchronize()).to.deep.equal([]);
  });

  it("reach nobody when that session is another user's", async () => {
    const ann = await listening(1, "ann");
    await here.template.convertAndSendToUser("rod", "/queue/letters", "you", { sessionId: ann.sessionId });
    await drained();
    expect(await ann.synchronize()).to.deep.equal([]);
  });

  it("reach a stranger on another server by the session's id", async () => {
    const stranger = await listening(1);
    await here.template.convertAndSendToUser(stranger.sessionId, "/queue/letters", "psst");
    expect(await letters(stranger, 1)).to.deep.equal(["psst"]);
  });

  it("know each other's users, sessions and subscriptions, and where they are", async () => {
    const rod = await listening(1, "rod");
    await until(() => subscriptionsOf(here, "rod").length === 1);
    const user = here.userRegistry.getUser("rod")!;
    expect(user.principal).to.deep.equal({ name: "rod" });
    const [session] = [...user.sessions.values()];
    expect(session!.id).to.equal(rod.sessionId);
    expect(session!.user).to.equal(user);
    expect(session!.server).to.be.a("string");
    expect(there.userRegistry.getUser("rod")!.sessions.get(rod.sessionId)!.server).to.equal(undefined);
    expect(subscriptionsOf(here, "rod")).to.deep.equal(["/user/queue/letters"]);

    rod.send("UNSUBSCRIBE\nid:0\n\n^@");
    await until(() => subscriptionsOf(here, "rod").length === 0);
    rod.cut();
    await until(() => here.userRegistry.getUser("rod") === undefined);
  });

  it("count a user once who is on both", async () => {
    await listening(0, "rod");
    await listening(1, "rod");
    await listening(1, "ann");
    for (const messaging of [here, there]) {
      await until(() => messaging.userRegistry.getUser("rod")?.sessions.size === 2);
      await until(() => messaging.userRegistry.getUserCount() === 2);
    }
  });

  it("tell who is in a room of all servers, of whose presence the broker hears nothing", async () => {
    const watcher = await listening(0, "watcher", "/topic/room.7/who");
    const rod = await listening(1, "rod", "/topic/room.7");
    expect(await watcher.frame()).to.match(/\npresence:diff\n[\s\S]*"joined":\[\{"name":"rod","sessions":1,/);
    rod.send("UNSUBSCRIBE\nid:0\n\n^@");
    expect(await watcher.frame()).to.match(/\npresence:diff\n[\s\S]*"left":\["rod"\]/);
  });

  it("tell a server that comes later who is there", async () => {
    await listening(0, "rod");
    await listening(1, "ann");
    const [third] = await startServers(1, options);
    servers.push(third!);
    const { userRegistry } = third!.server.messaging;
    await until(() => ["rod", "ann"].every((name) => userRegistry.getUser(name)));
  });

  it("forget the users of a server that closes", async () => {
    await listening(1, "rod");
    await until(() => here.userRegistry.getUser("rod") !== undefined);
    await servers.pop()!.close();
    await until(() => here.userRegistry.getUser("rod") === undefined);
  });

  it("end all sessions of a user", async () => {
    const sessions = [await listening(0, "rod"), await listening(1, "rod"), await listening(1, "rod")];
    expect(here.disconnect({ user: "rod" }, "Your account is closed")).to.equal(1);
    for (const session of sessions) {
      expect(await session.frame()).to.include("message:Your account is closed\n");
      expect(await session.closed()).to.equal(1002);
    }
  });

  it("end one session", async () => {
    const [ended, other] = [await listening(1, "rod"), await listening(1, "rod")];
    expect(here.disconnect({ sessionId: ended.sessionId }, "Not here")).to.equal(0);
    expect(await ended.frame()).to.include("message:Not here\n");
    expect(await other.synchronize()).to.deep.equal([]);
  });

  it("end a subscription", async () => {
    const rod = await listening(1, "rod");
    await until(() => subscriptionsOf(here, "rod").length === 1);
    const [subscription] = here.userRegistry.findSubscriptions(() => true);
    expect(await here.unsubscribe(subscription!, "It is over")).to.equal(true);
    expect(await rod.frame()).to.include("unsubscribed:It is over\n");
    await until(() => subscriptionsOf(here, "rod").length === 0);
    expect(await here.unsubscribe(subscription!)).to.equal(false);
  });

  it("judge the subscriptions of a user anew", async () => {
    const [rod, far, ann] = [await listening(0, "rod"), await listening(1, "rod"), await listening(1, "ann")];
    dismissed.add("rod").add("ann");
    expect(await here.recheck({ user: "rod" }, "You have left")).to.equal(1);
    for (const client of [rod, far]) expect(await client.frame()).to.include("unsubscribed:You have left\n");
    expect(await ann.synchronize()).to.deep.equal([]);
  });

  it("deliver nothing that is sent behind it to who has lost the right on another server", async () => {
    const rod = await listening(1, "rod");
    dismissed.add("rod");
    const told = here.recheck({ user: "rod" }, "You have left");
    const { template } = here;
    const secrets = Array.from({ length: 20 }, (_, i) => `secret ${i}`);
    await Promise.all([
      told,
      ...secrets.map((secret) => template.convertAndSendToUser("rod", "/queue/letters", secret)),
    ]);
    expect(await rod.frame()).to.include("unsubscribed:You have left\n");
    await drained();
    expect(await rod.synchronize()).to.deep.equal([]);
  });

  it("judge the subscriptions of everybody anew", async () => {
    const [rod, ann] = [await listening(0, "rod"), await listening(1, "ann")];
    dismissed.add("rod").add("ann");
    expect(await there.recheck()).to.equal(1);
    for (const client of [rod, ann]) expect(await client.frame()).to.include("unsubscribed:Access denied");
  });

  it("judge subscriptions of topics anew, too", async () => {
    const staff = await Promise.all([0, 1].map((server) => listening(server, "rod", "/topic/staff")));
    const ann = await listening(1, "ann", "/topic/staff");
    dismissed.add("rod");
    expect(await here.recheck({ user: "rod" }, "You have left")).to.equal(1);
    for (const client of staff) expect(await client.frame()).to.include("unsubscribed:You have left\n");
    await there.template.convertAndSend("/topic/staff", "hush");
    expect(await ann.frame()).to.include("hush");
    for (const client of staff) expect(await client.synchronize()).to.deep.equal([]);
  });

  it("hear what comes behind a recheck while its rules are still asked", async () => {
    const [rod, ann] = [await listening(1, "rod"), await listening(1, "ann")];
    let decide: () => void = () => {};
    judging = new Promise((resolve) => {
      decide = resolve;
    });
    dismissed.add("rod");
    await here.recheck({ user: "rod" }, "You have left");
    await here.template.convertAndSendToUser("ann", "/queue/letters", "behind it");
    expect(await letters(ann, 1)).to.deep.equal(["behind it"]);
    decide();
    expect(await rod.frame()).to.include("unsubscribed:You have left\n");
  });

  describe("ask a user who is on another server", () => {
    const ask = (timeout = 10_000) =>
      here.template.request("rod", "/queue/letters", { text: "Sure?" }, { timeout, schema: undefined });
    const known = (count: number) => until(() => subscriptionsOf(here, "rod").length === count);

    function answer(client: Client, question: string, body: string, more = ""): void {
      const header = (name: string) => new RegExp(`^${name}:(.*)$`, "m").exec(question)?.[1];
      client.send(
        `SEND\ndestination:${header("reply-to")}\ncorrelation-id:${header("correlation-id")}\n${more}\n${body}^@`,
      );
    }

    it("and take the first answer, of those who were asked", async () => {
      const [near, far, ann] = [
        await listening(0, "rod"),
        await listening(1, "rod"),
        await listening(1, "ann"),
      ];
      await known(2);
      const asked = ask();
      const [question, same] = [await far.frame(), await near.frame()];
      answer(ann, question, "666", "receipt:r\n");
      expect(await ann.frame()).to.match(/^RECEIPT/);
      answer(far, question, '{"sure":true}', "content-type:application/json\nreceipt:r\n");
      expect(await asked).to.deep.equal({ sure: true });
      expect(await far.frame()).to.match(/^RECEIPT/);
      answer(near, same, "7", "receipt:r\n");
      expect(await near.frame()).to.match(/^RECEIPT/);

      const refused = ask().catch((error: Error) => error.message);
      answer(far, await far.frame(), "", "error:nobody at home\n");
      expect(await refused).to.match(/was answered with an error: nobody at home$/);
    });

    it("and fail when that session ends, its server closes, or nobody answers in time", async () => {
      const reason = (asked: Promise<unknown>) => asked.catch((error: { reason: string }) => error.reason);
      const [one, two] = [await listening(1, "rod"), await listening(1, "rod")];
      await known(2);
      const first = reason(ask());
      const question = await one.frame();
      one.send("DISCONNECT\n\n^@");
      await known(1);
      answer(two, await two.frame(), "7");
      expect(await first).to.equal(7);
      expect(await reason(ask(50))).to.equal("timeout");
      answer(two, question, "late", "receipt:r\n");
      await two.frame();
      expect(await two.frame()).to.match(/^RECEIPT/);

      const last = reason(ask());
      await two.frame();
      await servers.pop()!.close();
      expect(await last).to.equal("ended");
      expect(await reason(ask())).to.equal("nobody");
    });
  });

  async function listening(
    server: number,
    name?: string,
    destination = "/user/queue/letters",
  ): Promise<Client> {
    const client = await servers[server]!.connect(name);
    client.send(`SUBSCRIBE\nid:0\ndestination:${destination}\n\n^@`);
    await client.synchronize();
    return client;
  }

  async function letters(client: Client, count: number): Promise<string[]> {
    const bodies: string[] = [];
    while (bodies.length < count) {
      const frame = await client.frame();
      bodies.push(frame.slice(frame.indexOf("\n\n") + 2, -"^@".length));
    }
    return bodies;
  }

  /** Waits until each server has taken what the other sent to users: it comes behind that. */
  async function drained(): Promise<void> {
    for (const [from, to] of [
      [0, 1],
      [1, 0],
    ] as const) {
      const last = await listening(to, "last");
      await servers[from]!.server.messaging.template.convertAndSendToUser("last", "/queue/letters", "last");
      await last.frame();
      last.cut();
    }
  }
}

function subscriptionsOf({ userRegistry }: StompMessaging, name: string): string[] {
  return userRegistry
    .findSubscriptions(({ session }) => session.user.name === name)
    .map(({ destination }) => destination);
}
