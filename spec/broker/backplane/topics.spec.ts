import { expect } from "chai";
import { BackplaneStage, bodies, type Client, header, listen } from "../../support/backplane-stage.js";

const NEWS = "/topic/news";

describe("Topics on a backplane", () => {
  let stage: BackplaneStage;

  beforeEach(() => {
    stage = new BackplaneStage();
  });

  afterEach(() => stage.close());

  async function listeners(count = 6): Promise<Client[]> {
    const clients = await Promise.all(
      Array.from({ length: count }, (_, i) => stage.servers[i % stage.servers.length]!.connect(`user-${i}`)),
    );
    await Promise.all(clients.map((client) => listen(client, NEWS)));
    return clients;
  }

  it("reach the subscribers of all servers, each once and in one order everywhere", async () => {
    const servers = await stage.openAll(3);
    const clients = await listeners();
    const sent = Array.from({ length: 60 }, (_, i) => `${i}`);
    await Promise.all(
      sent.map((text, i) => servers[i % 3]!.server.messaging.template.convertAndSend(NEWS, text)),
    );
    const [first, ...others] = await Promise.all(clients.map((client) => bodies(client, sent.length)));
    expect(new Set(first)).to.deep.equal(new Set(sent));
    for (const other of others) expect(other).to.deep.equal(first);
    for (const client of clients) expect(await client.synchronize()).to.deep.equal([]);
  });

  it("give a client its RECEIPT when the backplane has the message, and keep the order of its frames", async () => {
    await stage.openAll(2);
    const clients = await listeners(2);
    const sender = await stage.servers[0]!.connect("sender");
    const sent = Array.from({ length: 30 }, (_, i) => `${i}`);
    for (const n of sent) sender.send(`SEND\ndestination:${NEWS}\nreceipt:${n}\n\n${n}^@`);
    for (const n of sent) expect(header(await sender.frame(), "receipt-id")).to.equal(n);
    for (const client of clients) expect(await bodies(client, sent.length)).to.deep.equal(sent);

    stage.servers[0]!.backplane.stall();
    sender.send(`SEND\ndestination:${NEWS}\nreceipt:late\n\nlate^@`);
    expect(await sender.synchronize()).to.deep.equal([]);
    stage.servers[0]!.backplane.resume();
    expect(header(await sender.frame(), "receipt-id")).to.equal("late");
  });

  it("carry headers and bytes as they are", async () => {
    const [here] = await stage.openAll(2);
    const [, far] = await listeners(2);
    await here!.server.messaging.template.convertAndSend(NEWS, Buffer.from([0, 255, 10]), { "a:b": "1\n2" });
    const frame = await far!.frame();
    expect(frame).to.include("content-type:application/octet-stream\n");
    expect(frame).to.include("a\\cb:1\\n2\n");
    expect(frame).to.include("content-length:3\n");
  });

  it("carry a message of 1 MiB", async () => {
    const [here] = await stage.openAll(2, {}, { transport: { messageSizeLimit: 2 * 1024 * 1024 } });
    const [, far] = await listeners(2);
    const text = "x".repeat(1024 * 1024);
    await here!.server.messaging.template.convertAndSend(NEWS, text);
    expect(await bodies(far!, 1)).to.deep.equal([text]);
  });
});
