import { expect } from "chai";
import type { MessagingEvents } from "express-stomp";
import { RelayStage } from "../support/relay-stage.js";
import { type Users, withUsers } from "../support/users.js";

describe("messaging.unsubscribe", () => {
  let users: Users;

  beforeEach(async () => {
    users = await withUsers({
      clientInboundChannel: {
        interceptors: [
          {
            preSend(message) {
              return message.headers.messageType === "UNSUBSCRIBE" && !message.headers.native.has("receipt")
                ? null
                : message;
            },
          },
        ],
      },
    });
  });

  afterEach(() => users.close());

  async function subscribed(destination: string) {
    const client = await users.connect("joe");
    client.send(
      `SUBSCRIBE\nid:1\ndestination:${destination}\n\n^@SUBSCRIBE\nid:2\ndestination:/topic/b\n\n^@`,
    );
    await client.synchronize();
    const [subscription] = users.server.messaging.userRegistry.findSubscriptions(({ id }) => id === "1");
    return { client, subscription: subscription! };
  }

  for (const destination of ["/topic/a", "/user/queue/x"]) {
    it(`ends a subscription of ${destination}, whatever interceptors say, and the session lives`, async () => {
      const { messaging } = users.server;
      const { client, subscription } = await subscribed(destination);
      const events: MessagingEvents["unsubscribe"][] = [];
      messaging.on("unsubscribe", (event) => void events.push(event));

      expect(await messaging.unsubscribe(subscription)).to.equal(true);

      await messaging.template.convertAndSend("/topic/a", "a");
      await messaging.template.convertAndSendToUser("joe", "/queue/x", "a");
      expect(messaging.userRegistry.findSubscriptions(() => true).map(({ id }) => id)).to.deep.equal(["2"]);
      expect(events.map(({ user, message }) => [user?.name, message.headers.subscriptionId])).to.deep.equal([
        ["joe", "1"],
      ]);
      expect(await client.synchronize()).to.deep.equal([]);
      await messaging.template.convertAndSend("/topic/b", "b");
      expect(await client.frame()).to.include("\nsubscription:2\n");
    });
  }

  it("tells the client why in a last MESSAGE, if there is a reason", async () => {
    const { client, subscription } = await subscribed("/topic/a");

    await users.server.messaging.unsubscribe(subscription, "You left: the room\nis closed");

    expect(await client.frame()).to.match(
      /^MESSAGE\ndestination:\/topic\/a\nunsubscribed:You left\\c the room\\nis closed\nsubscription:1\nmessage-id:[^\n]+\ncontent-length:0\n\n\^@$/,
    );
  });

  it("does nothing to a subscription that is over, though its id be in use again", async () => {
    const { client, subscription } = await subscribed("/topic/a");
    client.send("UNSUBSCRIBE\nid:1\nreceipt:r\n\n^@SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
    await client.frame();
    await client.synchronize();

    expect(await users.server.messaging.unsubscribe(subscription, "why")).to.equal(false);

    await users.server.messaging.template.convertAndSend("/topic/a", "a");
    expect(await client.synchronize()).to.have.length(1);
  });

  it("does nothing to a subscription whose session has ended", async () => {
    const { client, subscription } = await subscribed("/topic/a");
    client.send("DISCONNECT\nreceipt:r\n\n^@");
    await client.frame();

    expect(await users.server.messaging.unsubscribe(subscription, "why")).to.equal(false);
  });
});

describe("messaging.unsubscribe, with a broker elsewhere", () => {
  const USER = { endpoints: [{ path: "/ws", user: () => ({ name: "joe" }) }] };
  let stage: RelayStage;

  afterEach(() => stage.close());

  async function subscribed() {
    stage = await RelayStage.open({ server: USER });
    await stage.system();
    const { client, line } = await stage.connect();
    client.send("SUBSCRIBE", { id: 1, destination: "/topic/a", receipt: "r" });
    expect((await client.frame()).command).to.equal("RECEIPT");
    await line.until("SUBSCRIBE");
    const { messaging } = stage.server;
    const [subscription] = messaging.userRegistry.findSubscriptions(() => true);
    return { client, line, messaging, subscription: subscription! };
  }

  const message = { destination: "/topic/a", subscription: "1", "message-id": "m" };

  it("is done when the client was told; what the broker sends until it knows goes to nobody", async () => {
    const { client, line, messaging, subscription } = await subscribed();
    stage.broker.options = { receipts: false };
    expect(await messaging.unsubscribe(subscription, "You left")).to.equal(true);
    expect((await client.frame()).headers.get("unsubscribed")).to.equal("You left");

    const { headers } = await line.until("UNSUBSCRIBE");
    line.send("MESSAGE", message, "on its way");
    client.send("SUBSCRIBE", { id: 1, destination: "/topic/b" });
    const again = await line.until("SUBSCRIBE");
    line.send("MESSAGE", message, "still of the one before");
    line.send("RECEIPT", { "receipt-id": headers.get("receipt") ?? "" });
    line.send("MESSAGE", { ...message, destination: "/topic/b" }, "of the new one");
    line.send("RECEIPT", { "receipt-id": again.headers.get("receipt") ?? "" });
    expect((await client.frame()).body).to.equal("of the new one");
  });

  it("lets nothing through that the broker sends though it has confirmed the end", async () => {
    const { client, line, messaging, subscription } = await subscribed();
    await messaging.unsubscribe(subscription, "You left");
    await line.until("UNSUBSCRIBE");
    line.send("MESSAGE", message, "late");
    line.send("MESSAGE", { ...message, subscription: "/temp-queue/mine" }, "what it asked for by reply-to");
    expect((await client.frame()).headers.get("unsubscribed")).to.equal("You left");
    expect((await client.frame()).body).to.equal("what it asked for by reply-to");
  });

  it("is done for whoever comes second, and knows what was subscribed to meanwhile", async () => {
    const { client, line, messaging, subscription } = await subscribed();
    stage.broker.options = { receipts: false };
    const over = messaging.unsubscribe(subscription);
    expect(await messaging.unsubscribe(subscription)).to.equal(false);
    await line.until("UNSUBSCRIBE");
    stage.broker.options = {};
    client.send("SUBSCRIBE", { id: 1, destination: "/topic/b", receipt: "r" });
    expect((await client.frame()).command).to.equal("RECEIPT");

    expect(await over).to.equal(true);
    const known = messaging.userRegistry.findSubscriptions(() => true);
    expect(known.map(({ destination }) => destination)).to.deep.equal(["/topic/b"]);
  });
});

describe("messaging.disconnect", () => {
  let users: Users;

  beforeEach(async () => {
    users = await withUsers();
  });

  afterEach(() => users.close());

  it("ends all sessions of a user, each with an ERROR that says why", async () => {
    const [one, two, bob, stranger] = [
      await users.connect("joe"),
      await users.connect("joe"),
      await users.connect("bob"),
      await users.connect(),
    ];
    for (const client of [one, two, bob, stranger]) {
      client.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
      await client.synchronize();
    }

    expect(users.server.messaging.disconnect({ user: "joe" }, "Your account: closed")).to.equal(2);
    expect(users.server.messaging.userRegistry.getUser("joe")).to.equal(undefined);
    await users.server.messaging.template.convertAndSend("/topic/a", "a");

    for (const client of [one, two]) {
      expect(await client.frame()).to.equal(
        "ERROR\nmessage:Your account\\c closed\nretry:never\ncontent-length:0\n\n^@",
      );
      expect(await client.closed()).to.equal(1002);
    }
    for (const client of [bob, stranger]) expect(await client.frame()).to.include("MESSAGE\n");
  });

  it("ends one session, a stranger's too", async () => {
    const [one, two, stranger] = [
      await users.connect("joe"),
      await users.connect("joe"),
      await users.connect(),
    ];

    expect(users.server.messaging.disconnect({ sessionId: one.sessionId })).to.equal(1);
    expect(users.server.messaging.disconnect({ sessionId: stranger.sessionId }, "Enough")).to.equal(1);

    expect(await one.frame()).to.include("message:The session was ended\n");
    expect(await stranger.frame()).to.include("message:Enough\n");
    expect(await two.synchronize()).to.deep.equal([]);
  });

  it("does not handle what the client had sent behind", async () => {
    const joe = await users.connect("joe");
    users.server.messaging.on("subscribe", () => void users.server.messaging.disconnect({ user: "joe" }));

    joe.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@SEND\ndestination:/topic/a\nreceipt:r\n\nlate^@");

    expect(await joe.frame()).to.include("ERROR\n");
    expect(await joe.closed()).to.equal(1002);
  });

  it("counts nobody where nobody is, or not any more", async () => {
    const joe = await users.connect("joe");
    const { messaging } = users.server;

    expect(messaging.disconnect({ user: "nobody" })).to.equal(0);
    expect(messaging.disconnect({ user: joe.sessionId })).to.equal(0);
    expect(messaging.disconnect({ sessionId: "joe" })).to.equal(0);
    expect(messaging.disconnect({ user: "joe" })).to.equal(1);
    expect(messaging.disconnect({ user: "joe" })).to.equal(0);
  });
});
