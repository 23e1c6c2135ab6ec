import { expect } from "chai";
import {
  Controller,
  type MessageHeaders,
  MessageMapping,
  type MessagingEvents,
  Payload,
  simpleBroker,
  type TransportOptions,
} from "express-stomp";
import { RawClient } from "../support/raw-client.js";
import { startServer, type TestServer } from "../support/server.js";

@Controller()
class Inbox {
  readonly bodies: string[] = [];

  @MessageMapping("/**")
  take(@Payload() body: string) {
    this.bodies.push(body);
  }
}

@Controller()
class JsonInbox {
  readonly values: unknown[] = [];

  @MessageMapping("/json")
  take(@Payload() value: object) {
    this.values.push(value);
  }
}

describe("Frames of a hostile client", () => {
  let server: TestServer;
  let inbox: Inbox;
  let json: JsonInbox;
  const clients: RawClient[] = [];

  async function start(transport: TransportOptions = {}) {
    inbox = new Inbox();
    json = new JsonInbox();
    server = await startServer({
      controllers: [json, inbox],
      broker: simpleBroker({ destinationPrefixes: ["/topic"], heartbeatValue: [10_000, 200] }),
      transport,
    });
  }

  async function open(port = server.port) {
    const client = await RawClient.open(port);
    clients.push(client);
    return client;
  }

  async function connect(headers?: string, port = server.port) {
    const client = await RawClient.connect(port, headers);
    clients.push(client);
    return client;
  }

  afterEach(async () => {
    for (const client of clients.splice(0)) client.cut();
    await server.close();
  });

  it("may mix text and binary WebSocket messages, and cut frames anywhere between them", async () => {
    await start();
    const client = await connect();
    const frame = Buffer.from("SEND\ndestination:/app/a\ncontent-length:6\n\n한글\0");

    for (let i = 0; i < 3; i++) {
      for (const byte of frame) client.webSocket.send(Uint8Array.of(byte));
      client.webSocket.send(frame.toString());
      client.webSocket.send(frame);
    }
    await client.synchronize();

    expect(inbox.bodies).to.deep.equal(Array(9).fill("한글"));
  });

  it("may send a frame in one-byte fragments of one WebSocket message", async () => {
    await start();
    const client = await connect();
    const frame = Buffer.from("SEND\ndestination:/app/a\n\nwhole\0");

    for (const [i, byte] of frame.entries()) {
      client.webSocket.send(Uint8Array.of(byte), { fin: i === frame.length - 1 });
    }
    await client.synchronize();

    expect(inbox.bodies).to.deep.equal(["whole"]);
  });

  it("does not overflow a stack with thousands of frames in one message, nor with 64 KiB of EOLs", async () => {
    await start();
    const client = await connect();

    client.send("SEND\ndestination:/app/a\n\nx^@".repeat(2_500));
    client.send("\n".repeat(64 * 1024));
    await client.synchronize();

    expect(inbox.bodies).to.have.length(2_500);
  });

  it("is refused a second subscription of one id, and the first is not hijacked", async () => {
    await start();
    const victim = await connect();
    victim.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
    await victim.synchronize();
    const client = await connect();

    client.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@SUBSCRIBE\nid:1\ndestination:/topic/b\n\n^@");

    expect(await client.frame()).to.match(/^ERROR\nmessage:The subscription id 1 is in use\n/);
    await server.messaging.template.convertAndSend("/topic/a", "x");
    expect(await victim.frame()).to.match(/^MESSAGE\n/);
  });

  it("finds nothing of Object.prototype in names it chooses", async () => {
    await start();
    const headers: MessageHeaders[] = [];
    server.messaging.clientInboundChannel.addInterceptor({
      preSend: (message) => {
        headers.push(message.headers);
        return message;
      },
    });
    const client = await connect("__proto__:x\nconstructor:y\n");
    for (const name of ["__proto__", "constructor", "hasOwnProperty", "toString"]) {
      client.send(
        `SUBSCRIBE\nid:${name}\ndestination:/topic/${name}\n${name}:z\nreceipt:${name}\n\n^@` +
          `SEND\ndestination:/topic/${name}\n${name}:z\n\nx^@`,
      );

      expect(await client.frame()).to.equal(`RECEIPT\nreceipt-id:${name}\n\n^@`);
      expect(await client.frame()).to.include(`\n${name}:z\nsubscription:${name}\n`);
      client.send(`UNSUBSCRIBE\nid:${name}\n\n^@`);
    }
    expect(headers[0]?.native.get("__proto__")).to.equal("x");
    expect(headers[0]?.native.get("hasOwnProperty")).to.equal(undefined);
    expect(({} as Record<string, unknown>).z).to.equal(undefined);
  });

  it("sees the first of repeated headers count, in what is authorised and what is done alike", async () => {
    await start();
    const seen: (string | undefined)[] = [];
    server.messaging.clientInboundChannel.addInterceptor({
      preSend: (message) => {
        if (message.headers.messageType === "SUBSCRIBE") seen.push(message.headers.destination);
        return message;
      },
    });
    const client = await connect();

    client.send("SUBSCRIBE\nid:1\nid:2\ndestination:/topic/a\ndestination:/topic/b\n\n^@");
    await client.synchronize();
    await server.messaging.template.convertAndSend("/topic/b", "b");
    await server.messaging.template.convertAndSend("/topic/a", "a");

    expect(await client.frame()).to.match(/^MESSAGE\ndestination:\/topic\/a\n[\s\S]*\nsubscription:1\n/);
    expect(seen).to.deep.equal(["/topic/a"]);
  });

  it("cannot forge a line of the log", async () => {
    await start();
    const client = await connect();
    const forged = "x\\nWARN forged\\r\u001b[2J";

    client.send(`SEND\ndestination:/app/json\ncontent-type:application/json\n\n{"${forged}^@`);
    client.send(`SUBSCRIBE\nid:${forged}\ndestination:/topic/{${forged}\n\n^@`);
    await client.frame();

    expect(server.log.filter((line) => /[\n\r\u001b]/.test(line))).to.deep.equal([]);
  });

  for (const [what, body] of [
    ["broken JSON", "{"],
    ["JSON of ten thousand arrays within each other", "[".repeat(10_000)],
    ["JSON of ten thousand arrays that end", "[".repeat(10_000) + "]".repeat(10_000)],
    ["a JSON __proto__", '{"__proto__":{"polluted":true}}'],
  ] as const) {
    it(`costs at most the message with ${what}`, async () => {
      await start();
      const client = await connect();

      client.send(`SEND\ndestination:/app/json\ncontent-type:application/json\n\n${body}^@`);

      expect(await client.synchronize()).to.deep.equal([]);
      expect(({} as Record<string, unknown>).polluted).to.equal(undefined);
    });
  }

  for (const [option, value, frame] of [
    ["headerCountLimit", 3, `SEND\n${"a:1\n".repeat(4)}\n^@`],
    ["headerLineLimit", 30, `SEND\ndestination:/app/${"a".repeat(40)}\n\n^@`],
    ["headerBytesLimit", 60, `SEND\ndestination:/app/a\n${"a:1234567890\n".repeat(4)}\n^@`],
    ["messageSizeLimit", 100, `SEND\ndestination:/app/a\n\n${"x".repeat(100)}^@`],
  ] as const) {
    it(`is told ${option}, which the application has set, when it passes it`, async () => {
      await start({ [option]: value });
      const told = new Promise<MessagingEvents["limitExceeded"]>((resolve) =>
        server.messaging.on("limitExceeded", resolve),
      );
      const client = await open();
      client.send("CONNECT\naccept-version:1.2\n\n^@");
      await client.frame();

      client.send(frame);

      expect(await client.frame()).to.include(`message:Frame passes ${option}\\c ${value}\n`);
      expect(await client.closed()).to.equal(1002);
      expect((await told).limit).to.equal(option);
      expect(server.messaging.stats().limitsExceeded).to.deep.equal({ [option]: 1 });
    });
  }

  for (const [what, frame] of [
    ["id of SUBSCRIBE", (id: string) => `SUBSCRIBE\nid:${id}\ndestination:/topic/a\n\n^@`],
    ["transaction of BEGIN", (id: string) => `BEGIN\ntransaction:${id}\n\n^@`],
    ["receipt of SEND", (id: string) => `SEND\ndestination:/topic/a\nreceipt:${id}\n\n^@`],
    ["receipt of UNSUBSCRIBE", (id: string) => `UNSUBSCRIBE\nid:1\nreceipt:${id}\n\n^@`],
    ["receipt of DISCONNECT", (id: string) => `DISCONNECT\nreceipt:${id}\n\n^@`],
  ] as const) {
    it(`may give the ${what} 256 characters`, async () => {
      await start();
      const longest = await connect();
      const answered = longest.next();
      longest.send(frame("x".repeat(256)));
      if (!what.endsWith("DISCONNECT")) longest.send("SEND\ndestination:/topic/other\nreceipt:end\n\n^@");
      expect(await answered).to.match(/^RECEIPT\n/);

      const client = await connect();
      client.send(frame("x".repeat(257)));
      expect(await client.frame()).to.include(`message:The ${what} passes idLengthLimit\\c 256\n`);
      expect(await client.closed()).to.equal(1002);
      expect(server.messaging.stats().limitsExceeded).to.deep.equal({ idLengthLimit: 1 });
    });
  }

  it("may subscribe without an id to any destination in STOMP 1.0", async () => {
    await start();
    const client = await open();
    client.send("CONNECT\n\n^@");
    await client.frame();
    client.send(`SUBSCRIBE\ndestination:/topic/${"a".repeat(1000)}\nreceipt:1\n\n^@`);
    expect(await client.frame()).to.match(/^RECEIPT\n/);
  });

  for (const [limit, frames, message] of [
    [
      "subscriptionLimit",
      Array.from({ length: 4 }, (_, i) => `SUBSCRIBE\nid:${i}\ndestination:/topic/a\n\n^@`),
      "Session passes subscriptionLimit\\c 3",
    ],
    [
      "transactionLimit",
      Array.from({ length: 17 }, (_, i) => `BEGIN\ntransaction:${i}\n\n^@`),
      "Session passes transactionLimit\\c 16",
    ],
    [
      "transactionFrameLimit",
      ["BEGIN\ntransaction:1\n\n^@", "SEND\ntransaction:1\ndestination:/topic/a\n\n^@".repeat(1_025)],
      "Transaction passes transactionFrameLimit\\c 1024",
    ],
    [
      "transactionSizeLimit",
      ["BEGIN\ntransaction:1\n\n^@", `SEND\ntransaction:1\ndestination:/topic/a\n\n${"x".repeat(5_000)}^@`],
      "Session passes transactionSizeLimit\\c 5000",
    ],
  ] as const) {
    it(`is told ${limit} of the broker, too, and so are the application's listeners`, async () => {
      const transactionSizeLimit = limit === "transactionSizeLimit" ? 5_000 : 5_000_000;
      server = await startServer({ broker: simpleBroker({ subscriptionLimit: 3, transactionSizeLimit }) });
      const told: string[] = [];
      server.messaging.on("limitExceeded", (event) => void told.push(event.limit));
      const client = await connect();

      client.send(frames.join(""));

      expect(await client.frame()).to.include(`message:${message}\n`);
      expect(await client.closed()).to.equal(1002);
      expect(told).to.deep.equal([limit]);
      expect(server.messaging.stats().limitsExceeded).to.deep.equal({ [limit]: 1 });
    });
  }

  it("is refused a frame above messageSizeLimit at its header, and a message far above by 1009", async () => {
    await start();
    const client = await connect();
    client.send("SEND\ndestination:/app/a\ncontent-length:1073741824\n\n");
    expect(await client.frame()).to.include("message:Frame passes messageSizeLimit\\c 65536\n");

    const big = await connect();
    big.webSocket.send(Buffer.alloc(200_000));
    expect(await big.closed()).to.equal(1009);
  });
});
