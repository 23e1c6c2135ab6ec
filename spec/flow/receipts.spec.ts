import { expect } from "chai";
import { Controller, MessageMapping, Payload, SubscribeMapping } from "express-stomp";
import { RawClient } from "../support/raw-client.js";
import { startServer, type TestServer } from "../support/server.js";

@Controller()
class Answers {
  readonly taken: string[] = [];

  @MessageMapping("/note")
  note(@Payload() text: string) {
    this.taken.push(text);
  }

  @SubscribeMapping("/now")
  now() {
    return "now";
  }
}

describe("Receipts", () => {
  let server: TestServer;
  let client: RawClient;
  let answers: Answers;

  beforeEach(async () => {
    answers = new Answers();
    server = await startServer({ controllers: [answers] });
    client = await RawClient.connect(server.port, "receipt:none\n");
  });

  afterEach(async () => {
    client.cut();
    await server.close();
  });

  async function ackId(): Promise<string> {
    return /\nack:(.+)\n/.exec(await client.frame())?.[1] ?? "";
  }

  it("come for every frame that asks, in the order of the frames, but not for CONNECT", async () => {
    let asked = 0;
    const ask = async (frame: string) => {
      const receipt = `receipt ${++asked}: of \\n`;
      client.send(frame.replace("\n", `\nreceipt:${receipt.replace(":", "\\c")}\n`));
      expect(await client.frame()).to.equal(`RECEIPT\nreceipt-id:${receipt.replace(":", "\\c")}\n\n^@`);
    };

    await ask("SUBSCRIBE\nid:1\ndestination:/topic/a\nack:client-individual\n\n^@");
    await ask("SEND\ndestination:/app/note\n\nx^@");
    await ask("SEND\ndestination:/topic/nobody/listens\n\nx^@");
    await server.messaging.template.convertAndSend("/topic/a", "first");
    await ask(`ACK\nid:${await ackId()}\n\n^@`);
    await server.messaging.template.convertAndSend("/topic/a", "second");
    await ask(`NACK\nid:${await ackId()}\n\n^@`);
    await ask("BEGIN\ntransaction:t\n\n^@");
    await ask("SEND\ndestination:/topic/b\ntransaction:t\n\nx^@");
    await ask("COMMIT\ntransaction:t\n\n^@");
    await ask("BEGIN\ntransaction:t\n\n^@");
    await ask("ABORT\ntransaction:t\n\n^@");
    await ask("UNSUBSCRIBE\nid:1\n\n^@");
    await ask("DISCONNECT\n\n^@");
    expect(await client.closed()).to.equal(1000);
  });

  it("come behind the answer of @SubscribeMapping, which is all that the subscription was for", async () => {
    client.send("SUBSCRIBE\nid:1\ndestination:/app/now\nreceipt:1\n\n^@");

    expect(await client.frame()).to.match(/^MESSAGE\n/);
    expect(await client.frame()).to.equal("RECEIPT\nreceipt-id:1\n\n^@");
  });

  it("come for DISCONNECT last: what follows it is ignored", async () => {
    client.send(
      "SEND\ndestination:/app/note\n\nbefore^@DISCONNECT\nreceipt:bye\n\n^@" +
        "SEND\ndestination:/app/note\nreceipt:late\n\nbehind^@NONSENSE\n\n^@",
    );

    expect(await client.frame()).to.equal("RECEIPT\nreceipt-id:bye\n\n^@");
    expect(await client.closed()).to.equal(1000);
    expect(answers.taken).to.deep.equal(["before"]);
  });

  for (const [command, frame] of [
    ["SUBSCRIBE", "SUBSCRIBE\nid:1\n\n^@"],
    ["SEND", "SEND\n\nx^@"],
    ["ACK", "ACK\nid:none\n\n^@"],
    ["NACK", "NACK\nid:none\n\n^@"],
    ["COMMIT", "COMMIT\ntransaction:none\n\n^@"],
    ["ABORT", "ABORT\ntransaction:none\n\n^@"],
    ["BEGIN", "BEGIN\n\n^@"],
    ["UNSUBSCRIBE", "UNSUBSCRIBE\n\n^@"],
  ] as const) {
    it(`become the receipt-id of ERROR when ${command} fails`, async () => {
      client.send(frame.replace("\n", "\nreceipt:7\n"));

      expect(await client.frame()).to.match(/^ERROR\nmessage:.+\n(?:.+\n)*receipt-id:7\n/);
      expect(await client.closed()).to.equal(1002);
    });
  }
});
