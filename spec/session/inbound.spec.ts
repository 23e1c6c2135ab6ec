import { expect } from "chai";
import {
  AccessDeniedError,
  type ChannelInterceptor,
  ConfigurationError,
  Controller,
  MessageMapping,
  Payload,
  type StompMessagingOptions,
  stompMessaging,
} from "express-stomp";
import { RawClient } from "../support/raw-client.js";
import { settled } from "../support/recording.js";
import { startServer, type TestServer } from "../support/server.js";

/** Works at each note until the spec lets it go. */
@Controller()
class SlowNotes {
  readonly begun: string[] = [];
  readonly done: string[] = [];
  readonly #working = new Map<string, (fault?: Error) => void>();
  #whenBegun: (() => void) | undefined;
  #isOver = false;

  @MessageMapping("/note")
  async take(@Payload() note: string) {
    this.begun.push(note);
    this.#whenBegun?.();
    if (this.#isOver) return;
    await new Promise<void>((resolve, reject) => {
      this.#working.set(note, (fault) => (fault ? reject(fault) : resolve()));
    });
    this.done.push(note);
  }

  finish(note: string, fault?: Error) {
    this.#working.get(note)?.(fault);
  }

  /** Finishes all, and at once what is begun later: frames that waited behind these. */
  finishAll() {
    this.#isOver = true;
    for (const finish of this.#working.values()) finish();
  }

  /** Waits until so many were begun. */
  async untilBegun(count: number) {
    while (this.begun.length < count) {
      await new Promise<void>((resolve) => {
        this.#whenBegun = resolve;
      });
    }
  }
}

const send = (note: string, headers = "") => `SEND\ndestination:/app/note\n${headers}\n${note}^@`;

describe("Inbound", () => {
  let server: TestServer;
  let notes: SlowNotes;
  const clients: RawClient[] = [];

  async function start(options: Partial<StompMessagingOptions> = {}) {
    notes = new SlowNotes();
    server = await startServer({ controllers: [notes], ...options });
  }

  async function connect() {
    const client = await RawClient.connect(server.port);
    clients.push(client);
    return client;
  }

  afterEach(async () => {
    notes.finishAll();
    for (const client of clients.splice(0)) client.cut();
    await server.close();
  });

  it("reads no more while as many bytes wait as one frame may have", async () => {
    await start();
    const [client, other] = [await connect(), await connect()];
    client.send(send("slow"));
    await notes.untilBegun(1);
    const before = server.messaging.stats().framesReceived;

    for (let i = 0; i < 20; i++) client.send(send("x".repeat(60_000)));
    for (let i = 0; i < 5; i++) await other.synchronize();

    // The other's receipts are among them.
    expect(server.messaging.stats().framesReceived - before).to.be.below(5 + 6);
  });

  describe("when preserveReceiveOrder is false", () => {
    it("lets one session's controllers work at the same time", async () => {
      await start({ preserveReceiveOrder: false });
      const client = await connect();

      client.send(send("a", "receipt:r-a\n") + send("b", "receipt:r-b\n"));
      await notes.untilBegun(2);
      notes.finish("b");

      expect(await client.frame()).to.equal("RECEIPT\nreceipt-id:r-b\n\n^@");
      notes.finish("a");
      expect(await client.frame()).to.equal("RECEIPT\nreceipt-id:r-a\n\n^@");
      expect([notes.begun, notes.done]).to.deep.equal([
        ["a", "b"],
        ["b", "a"],
      ]);
    });

    it("confirms frames that are handled at once in their order", async () => {
      await start({ preserveReceiveOrder: false });
      const client = await connect();

      client.send([1, 2, 3].map((n) => `SEND\ndestination:/topic/a\nreceipt:${n}\n\n^@`).join(""));

      for (const n of [1, 2, 3]) expect(await client.frame()).to.equal(`RECEIPT\nreceipt-id:${n}\n\n^@`);
    });

    it("keeps frames in order up to the controllers, whatever time interceptors take", async () => {
      let first = true;
      const slowFirst: ChannelInterceptor = {
        async preSend(message) {
          if (message.headers.messageType === "MESSAGE" && first) {
            first = false;
            await settled();
          }
          return message;
        },
        async beforeHandle(message) {
          if (Buffer.from(message.payload).toString() === "a") await settled();
          return message;
        },
      };
      await start({ preserveReceiveOrder: false, clientInboundChannel: { interceptors: [slowFirst] } });
      const client = await connect();

      client.send(send("a") + send("b"));
      await notes.untilBegun(2);

      expect(notes.begun).to.deep.equal(["a", "b"]);
    });

    it("tells the client of a frame that was refused while another was handled", async () => {
      const refusing: ChannelInterceptor = {
        async preSend(message) {
          if (message.headers.messageType === "SUBSCRIBE") throw new AccessDeniedError("Not for you");
          return message;
        },
      };
      await start({ preserveReceiveOrder: false, clientInboundChannel: { interceptors: [refusing] } });
      const client = await connect();

      client.send(`${send("a")}SUBSCRIBE\nid:1\ndestination:/topic/a\nreceipt:r\n\n^@`);

      expect(await client.frame()).to.equal(
        "ERROR\nmessage:Not for you\nreceipt-id:r\nretry:never\ncontent-length:0\n\n^@",
      );
      expect(await client.closed()).to.equal(1002);
      expect(notes.begun).to.deep.equal(["a"]);
    });

    it("tells the client of a controller that failed behind another", async () => {
      await start({ preserveReceiveOrder: false });
      const client = await connect();
      client.send(send("a") + send("b", "receipt:r-b\n"));
      await notes.untilBegun(2);

      notes.finish("b", new Error("secret"));

      expect(await client.frame()).to.match(/^ERROR\n.*\nreceipt-id:r-b\n/);
      expect(await client.closed()).to.equal(1002);
    });

    for (const [what, frame, answer] of [
      ["DISCONNECT", "DISCONNECT\nreceipt:bye\n\n^@", "RECEIPT\nreceipt-id:bye\n"],
      ["a malformed frame", "NONSENSE\n\n^@", "ERROR\n"],
    ] as const) {
      it(`keeps ${what} behind all that is being handled`, async () => {
        await start({ preserveReceiveOrder: false });
        const client = await connect();
        client.send(send("a") + send("b", "receipt:r-b\n") + frame);
        await notes.untilBegun(2);
        await settled();

        notes.finish("a");
        await settled();
        notes.finish("b");

        expect(await client.frame()).to.equal("RECEIPT\nreceipt-id:r-b\n\n^@");
        expect(await client.frame()).to.match(new RegExp(`^${answer}`));
      });
    }

    it("handles 64 frames at once at most, and all in the end", async () => {
      await start({ preserveReceiveOrder: false });
      const client = await connect();
      const all = Array.from({ length: 200 }, (_, i) => `n${i}`);
      client.send(all.map((note) => send(note)).join(""));
      await notes.untilBegun(64);
      await settled();
      expect(notes.begun.length).to.equal(64);

      for (const [i, note] of all.entries()) {
        await notes.untilBegun(i + 1);
        notes.finish(note);
      }
      await client.synchronize();

      expect(notes.done).to.deep.equal(all);
    });

    it("ends a session that broke off when all it had sent was handled", async () => {
      await start({ preserveReceiveOrder: false });
      const client = await connect();
      client.send(send("a") + send("b"));
      await notes.untilBegun(2);
      let ended = false;
      const end = new Promise<void>((resolve) => {
        server.messaging.on("disconnect", () => {
          ended = true;
          resolve();
        });
      });
      client.cut();
      await settled();

      notes.finish("a");
      await settled();
      expect(ended).to.equal(false);
      notes.finish("b");
      await end;
    });
  });

  describe("when clientInboundChannel has a bound of concurrency", () => {
    it("lets sessions wait for each other beyond it, and overlap up to it", async () => {
      await start({ clientInboundChannel: { concurrency: 2 } });
      const [one, two, three] = [await connect(), await connect(), await connect()];
      one.send(send("1"));
      await notes.untilBegun(1);
      two.send(send("2"));
      await notes.untilBegun(2);
      three.send(send("3", "receipt:r-3\n"));
      await settled();
      await settled();
      expect(notes.begun).to.deep.equal(["1", "2"]);

      notes.finish("1");
      await notes.untilBegun(3);
      notes.finish("3");

      expect(await three.frame()).to.equal("RECEIPT\nreceipt-id:r-3\n\n^@");
    });

    it("holds for the frames of one session that may overlap too", async () => {
      await start({ preserveReceiveOrder: false, clientInboundChannel: { concurrency: 2 } });
      const client = await connect();
      client.send(["a", "b", "c", "d"].map((note) => send(note)).join(""));
      await notes.untilBegun(2);
      await settled();
      expect(notes.begun).to.deep.equal(["a", "b"]);

      notes.finish("b");
      await notes.untilBegun(3);
      await settled();
      expect(notes.begun).to.deep.equal(["a", "b", "c"]);
      notes.finish("a");
      await notes.untilBegun(4);
    });

    it("ends a session at once that waits, and hands on its DISCONNECT", async () => {
      await start({ clientInboundChannel: { concurrency: 1 } });
      const [one, two] = [await connect(), await connect()];
      one.send(send("1"));
      await notes.untilBegun(1);
      const ended = new Promise((resolve) => server.messaging.on("disconnect", resolve));

      two.send("DISCONNECT\n\n^@");
      two.cut();
      await settled();
      notes.finish("1");

      await ended;
    });
  });

  for (const [what, options, text] of [
    [
      "preserveReceiveOrder: 0",
      { preserveReceiveOrder: 0 as never },
      "preserveReceiveOrder must be true or false",
    ],
    [
      "concurrency: 0",
      { brokerChannel: { concurrency: 0 } },
      "brokerChannel.concurrency is 0: it must be a whole number above 0",
    ],
    [
      "concurrency: Infinity",
      { clientInboundChannel: { concurrency: Number.POSITIVE_INFINITY } },
      "clientInboundChannel.concurrency is Infinity: it must be a whole number above 0",
    ],
  ] as const) {
    it(`refuses ${what} at the start`, async () => {
      await start();
      expect(() => stompMessaging({ endpoints: [{ path: "/ws" }], ...options })).to.throw(
        ConfigurationError,
        text,
      );
    });
  }
});
