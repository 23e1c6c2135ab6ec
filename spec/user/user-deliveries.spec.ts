import { expect } from "chai";
import { simpleBroker } from "express-stomp";
import { RawClient } from "../support/raw-client.js";
import { type Users, withUsers } from "../support/users.js";

/** What the broker does for all destinations, where it meets what is private. */
describe("Private messages", () => {
  let users: Users;

  afterEach(() => users.close());

  const tell = (name: string, body: string) =>
    users.server.messaging.template.convertAndSendToUser(name, "/queue/x", body);
  const listen = async (client: RawClient, headers = "", destination = "/user/queue/x") => {
    client.send(`SUBSCRIBE\nid:s\ndestination:${destination}\n${headers}\n^@`);
    return client.synchronize();
  };
  const header = (frame: string, name: string) => new RegExp(`^${name}:(.*)$`, "m").exec(frame)?.[1];

  it("are acknowledged as others are", async () => {
    users = await withUsers();
    const joe = await users.connect("joe");
    await listen(joe, "ack:client-individual\nprefetch-count:1\n");

    await tell("joe", "one");
    await tell("joe", "two");

    const one = await joe.frame();
    expect(one).to.include("\n\none^@");
    expect(await joe.synchronize()).to.deep.equal([]);
    joe.send(`ACK\nid:${header(one, "ack")}\n\n^@`);
    expect(await joe.frame()).to.include("\n\ntwo^@");
  });

  it("are not acknowledged by another", async () => {
    users = await withUsers();
    const [joe, bob] = [await users.connect("joe"), await users.connect("bob")];
    await listen(joe, "ack:client\n");
    await tell("joe", "one");

    bob.send(`ACK\nid:${header(await joe.frame(), "ack")}\n\n^@`);

    expect(await bob.frame()).to.include("ERROR\n");
  });

  it("go to every session, though the broker has queues of that name", async () => {
    users = await withUsers({ broker: simpleBroker({ queuePrefixes: ["/queue", "/user", "/"] }) });
    const [one, two, bob] = [
      await users.connect("joe"),
      await users.connect("joe"),
      await users.connect("bob"),
    ];
    for (const client of [one, two]) await listen(client);

    await tell("joe", "secret");

    for (const client of [one, two]) expect(await client.frame()).to.include("\n\nsecret^@");
    expect(await listen(bob, "", "/**")).to.deep.equal([]);
    expect(await bob.synchronize()).to.deep.equal([]);
  });

  it("do not wait in a queue for somebody else, nor does a queue's message go to a private subscription", async () => {
    users = await withUsers({ broker: simpleBroker({ queuePrefixes: ["/"] }) });
    const [joe, bob] = [await users.connect("joe"), await users.connect("bob")];
    await tell("joe", "secret");
    await users.server.messaging.template.convertAndSend("/queue/x", "public");

    expect(await listen(joe, "ack:client\n", "/user/**")).to.deep.equal([]);
    const [given = "", ...more] = await listen(bob, "", "/**");
    expect(given).to.include("\n\npublic^@");
    expect(more).to.deep.equal([]);

    await tell("joe", "later");
    const later = await joe.frame();
    joe.send(`ACK\nid:${header(later, "ack")}\n\n^@`);
    expect(await joe.synchronize()).to.deep.equal([]);
  });

  it("are not given to another after NACK, or when the session ends", async () => {
    users = await withUsers({
      broker: simpleBroker({ queuePrefixes: ["/"], deadLetterDestination: "/dead" }),
    });
    const [joe, bob] = [await users.connect("joe"), await users.connect("bob")];
    await listen(bob, "", "/**");
    await listen(joe, "ack:client-individual\n");
    await tell("joe", "one");
    await tell("joe", "two");
    joe.send(`NACK\nid:${header(await joe.frame(), "ack")}\n\n^@`);
    await joe.synchronize();
    joe.send("DISCONNECT\nreceipt:r\n\n^@");
    await joe.next();

    expect(await bob.synchronize()).to.deep.equal([]);
  });

  it("are never retained", async () => {
    users = await withUsers({ broker: simpleBroker({ retainLast: ["/**"] }) });
    const [joe, bob] = [await users.connect("joe"), await users.connect("bob")];
    await listen(joe);
    await tell("joe", "secret");
    await joe.frame();
    await users.server.messaging.template.convertAndSend("/topic/a", "public");

    expect(await listen(bob, "", "/user/**")).to.deep.equal([]);
    bob.send("SUBSCRIBE\nid:2\ndestination:/**\n\n^@");
    const retained = await bob.synchronize();
    expect(retained).to.have.length(1);
    expect(String(retained[0])).to.include("\n\npublic^@");
  });

  it("of a transaction reach their user at COMMIT, and nobody else", async () => {
    users = await withUsers({
      clientsMaySendToUsers: true,
      broker: simpleBroker({ queuePrefixes: ["/"], overflowStrategy: "reject", backlogLimit: 1 }),
    });
    const [joe, bob, eve] = [
      await users.connect("joe"),
      await users.connect("bob"),
      await users.connect("eve"),
    ];
    await listen(joe);
    await listen(eve, "", "/**");
    bob.send("BEGIN\ntransaction:t\n\n^@");
    for (const body of ["one", "two"]) {
      bob.send(`SEND\ndestination:/user/joe/queue/x\ntransaction:t\n\n${body}^@`);
    }
    await bob.synchronize();
    expect(await joe.synchronize()).to.deep.equal([]);

    bob.send("COMMIT\ntransaction:t\nreceipt:r\n\n^@");

    expect(await bob.frame()).to.include("RECEIPT\n");
    for (const body of ["one", "two"]) expect(await joe.frame()).to.include(`\n\n${body}^@`);
    expect(await eve.synchronize()).to.deep.equal([]);
  });
});
