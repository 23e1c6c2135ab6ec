import { expect } from "chai";
import { simpleBroker } from "express-stomp";
import { RawClient } from "../support/raw-client.js";
import { startServer, type TestServer } from "../support/server.js";

const SUBSCRIBE = "SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@";

describe("Frames that are written together", () => {
  let server: TestServer;
  const clients: RawClient[] = [];

  async function connect(headers = "") {
    const client = await RawClient.connect(server.port, headers);
    clients.push(client);
    return client;
  }

  afterEach(async () => {
    for (const client of clients.splice(0)) client.cut();
    await server.close();
  });

  it("are MESSAGE, RECEIPT and ERROR in the order in which they were caused, then the close", async () => {
    server = await startServer();
    const client = await connect();
    const send = (text: string, receipt = "") => `SEND\ndestination:/topic/a\n${receipt}\n${text}^@`;

    client.send(`${SUBSCRIBE}${send("1", "receipt:r1\n")}${send("2")}${send("3", "receipt:r3\n")}FOO\n\n^@`);

    const frames = [];
    for (let i = 0; i < 6; i++) frames.push(await client.frame());
    expect(frames.map((frame) => frame.replace(/\n[\s\S]*\n(.*)\^@$/, "$1"))).to.deep.equal([
      "MESSAGE1",
      "RECEIPT",
      "MESSAGE2",
      "MESSAGE3",
      "RECEIPT",
      "ERROR",
    ]);
    expect(await client.closed()).to.equal(1002);
  });

  it("leave a client that reads where it is, though they are more than sendBufferSizeLimit", async () => {
    server = await startServer({ transport: { sendBufferSizeLimit: 200_000 } });
    const client = await connect();
    client.send(SUBSCRIBE);
    await client.synchronize();

    const sent = Array.from({ length: 30 }, (_, i) => `${i} ${"x".repeat(10_000)}`);
    await Promise.all(sent.map((text) => server.messaging.template.convertAndSend("/topic/a", text)));

    const heard = (await client.synchronize()).map((frame) => String(frame).split("\n\n")[1]);
    expect(heard).to.deep.equal(sent.map((text) => `${text}^@`));
  });

  it("reach each subscriber with its own ids and in the order of each publisher", async () => {
    server = await startServer();
    const subscribers = await Promise.all(Array.from({ length: 6 }, () => connect()));
    for (const [i, subscriber] of subscribers.entries()) {
      subscriber.send(`SUBSCRIBE\nid:${i % 3}\ndestination:/topic/a\n\n^@`);
      if (i % 2) subscriber.send(`SUBSCRIBE\nid:also\ndestination:/topic/b\n\n^@`);
      await subscriber.synchronize();
    }
    const publisher = await connect();

    const numbers = Array.from({ length: 40 }, (_, i) => i);
    publisher.send(numbers.map((i) => `SEND\ndestination:/topic/${i % 4 ? "a" : "b"}\n\n${i}^@`).join(""));
    await publisher.synchronize();

    for (const [i, subscriber] of subscribers.entries()) {
      const heard = (await subscriber.synchronize()).map(
        (frame) => /\nsubscription:(.*)\n[\s\S]*\n(\d+)\^@$/.exec(String(frame))?.slice(1).join("=") ?? frame,
      );
      const owed = numbers.filter((number) => number % 4 || i % 2);
      expect(heard).to.deep.equal(owed.map((number) => `${number % 4 ? i % 3 : "also"}=${number}`));
    }
  });

  it("come with heart-beats, which neither delay nor replace them", async () => {
    const broker = simpleBroker({ destinationPrefixes: ["/topic"], heartbeatValue: [200, 0] });
    server = await startServer({ broker });
    const client = await connect("heart-beat:0,200\n");
    client.send(SUBSCRIBE);

    expect(await client.frame()).to.equal("\n");
    client.send("SEND\ndestination:/topic/a\n\nx^@");
    let frame = await client.frame();
    while (frame === "\n") frame = await client.frame();

    expect(frame).to.match(/^MESSAGE\n[\s\S]*\nx\^@$/);
    expect(await client.frame()).to.equal("\n");
  });
});
