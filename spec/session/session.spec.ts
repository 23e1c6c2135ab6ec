import { expect } from "chai";
import { AccessDeniedError, simpleBroker } from "express-stomp";
import { NotesHost, on, raise, text } from "../support/notes-host.js";
import { startServer } from "../support/server.js";

describe("Session", () => {
  const host = new NotesHost();

  afterEach(() => host.close());

  describe("once connected", () => {
    it("handles frames one after the other, whatever time each takes", async () => {
      const releases: (() => void)[] = [];
      await host.start(
        on("MESSAGE", (message) => {
          if (text(message) !== "slow") return message;
          return new Promise((resolve) => releases.push(() => resolve(message)));
        }),
      );
      const client = await host.connect();

      client.send("SEND\ndestination:/app/note\n\nslow^@SEND\ndestination:/app/note\n\nquick^@");
      client.send("SEND\ndestination:/app/note\n\nquick too^@");
      const other = await host.connect();
      other.send("SEND\ndestination:/app/note\n\nof somebody else^@");
      await other.synchronize();
      for (const release of releases) release();
      await client.synchronize();

      expect(host.notes.taken).to.deep.equal(["of somebody else", "slow", "quick", "quick too"]);
    });

    it("loses nothing of a client that sends faster than it is handled", async () => {
      let release = () => {};
      const gate = new Promise<void>((resolve) => {
        release = resolve;
      });
      await host.start(on("MESSAGE", (message) => gate.then(() => message)));
      const client = await host.connect();
      const sent = Array.from({ length: 3000 }, (_, i) => `note ${i}`);

      for (const note of sent) client.send(`SEND\ndestination:/app/note\n\n${note}^@`);
      release();
      await client.synchronize();

      expect(host.notes.taken).to.deep.equal(sent);
    });

    for (const frame of [
      "SUBSCRIBE\nid:1\ndestination:/topic/a\nreceipt:r\n\n^@",
      "SEND\ndestination:/topic/a\nreceipt:r\n\nx^@",
      "SEND\ndestination:/app/note\nreceipt:r\n\nx^@",
      "UNSUBSCRIBE\nid:1\nreceipt:r\n\n^@",
    ]) {
      it(`confirms ${frame.split("\n", 2).join(" ")} when it has been processed`, async () => {
        await host.start();
        const client = await host.connect();

        client.send(frame);

        expect(await client.frame()).to.equal("RECEIPT\nreceipt-id:r\n\n^@");
      });
    }

    it("sends RECEIPT of a SEND to a controller after the controller is done", async () => {
      await host.start();
      const client = await host.connect();

      client.send("SEND\ndestination:/app/note\nreceipt:1\n\nx^@");
      await client.frame();

      expect(host.notes.taken).to.deep.equal(["x"]);
    });

    it("returns a receipt id with special characters as it was", async () => {
      await host.start();
      const client = await host.connect();

      client.send("SEND\ndestination:/topic/a\nreceipt:a\\cb\\nc\\\\d\n\n^@");

      expect(await client.frame()).to.equal("RECEIPT\nreceipt-id:a\\cb\\nc\\\\d\n\n^@");
    });

    for (const [frame, message] of [
      ["SEND\nreceipt:r\n\nx^@", "SEND has no destination header"],
      ["SUBSCRIBE\nid:1\nreceipt:r\n\n^@", "SUBSCRIBE has no destination header"],
      ["SUBSCRIBE\ndestination:/topic/a\nreceipt:r\n\n^@", "SUBSCRIBE has no id header"],
      [
        "SUBSCRIBE\ndestination:/topic/a\nid:1\nack:yes\nreceipt:r\n\n^@",
        "SUBSCRIBE has an unknown ack mode\\c yes",
      ],
      ["UNSUBSCRIBE\nreceipt:r\n\n^@", "UNSUBSCRIBE has no id header"],
    ]) {
      it(`refuses a frame: ${message}`, async () => {
        await host.start();
        const client = await host.connect();

        client.send(frame as string);

        expect(await client.frame()).to.equal(
          `ERROR\nmessage:${message}\nreceipt-id:r\nretry:never\ncontent-length:0\n\n^@`,
        );
        expect(await client.closed()).to.equal(1002);
      });
    }

    it("lets a 1.0 client subscribe and unsubscribe without an id", async () => {
      await host.start();
      const client = await host.open();
      client.send("CONNECT\n\n^@SUBSCRIBE\ndestination:/topic/a\n\n^@SEND\ndestination:/topic/a\n\nx^@");
      await client.frame();
      expect(await client.frame()).to.match(/^MESSAGE\ndestination:\/topic\/a\n/);

      client.send("UNSUBSCRIBE\ndestination:/topic/a\n\n^@SEND\ndestination:/topic/a\n\nx^@");
      client.send("SEND\ndestination:/app/note\nreceipt:r\n\nx^@");

      expect(await client.frame()).to.equal("RECEIPT\nreceipt-id:r\n\n^@");
    });

    it("handles the frames before a malformed one, and none behind it", async () => {
      await host.start();
      const client = await host.connect();

      client.send("SEND\ndestination:/app/note\n\ngood^@FOO\n\n^@SEND\ndestination:/app/note\n\nbehind^@");

      expect(await client.frame()).to.match(/^ERROR\nmessage:.*FOO/);
      expect(await client.closed()).to.equal(1002);
      expect(host.notes.taken).to.deep.equal(["good"]);
    });

    it("hurts no other session by its fault", async () => {
      await host.start();
      const good = await host.connect();
      const bad = await host.connect();

      bad.send("\u0001\u0002 garbage\n\n^@");
      await bad.frame();
      await bad.closed();

      expect(await good.synchronize()).to.deep.equal([]);
    });
  });

  describe("at a refusal", () => {
    it("tells the refusal's own text, and closes", async () => {
      await host.start(on("SUBSCRIBE", () => raise(new AccessDeniedError("Members only"))));
      const client = await host.connect();

      client.send("SUBSCRIBE\nid:1\ndestination:/topic/secret\nreceipt:7\n\n^@");

      expect(await client.frame()).to.equal(
        "ERROR\nmessage:Members only\nreceipt-id:7\nretry:never\ncontent-length:0\n\n^@",
      );
      expect(await client.closed()).to.equal(1002);
    });

    it("drops a SEND that an interceptor stopped in silence", async () => {
      await host.start(on("MESSAGE", (message) => (text(message) === "spam" ? null : message)));
      const client = await host.connect();

      client.send("SEND\ndestination:/app/note\n\nspam^@SEND\ndestination:/app/note\n\nham^@");

      expect(await client.synchronize()).to.deep.equal([]);
      expect(host.notes.taken).to.deep.equal(["ham"]);
    });

    it("confirms no SEND that an interceptor stopped", async () => {
      await host.start(on("MESSAGE", () => null));
      const client = await host.connect();

      client.send("SEND\ndestination:/app/note\nreceipt:r\n\nspam^@");

      expect(await client.frame()).to.equal(
        "ERROR\nmessage:SEND was stopped\nreceipt-id:r\nretry:never\ncontent-length:0\n\n^@",
      );
    });
  });

  describe("at a controller's fault", () => {
    it("lives on, and tells the client nothing", async () => {
      await host.start();
      const errors = host.collect("controllerError");
      const client = await host.connect();

      client.send("SEND\ndestination:/app/fail\n\n^@");

      expect(await client.synchronize()).to.deep.equal([]);
      expect(errors.map(({ error }) => error.message)).to.deep.equal([
        "Notes.fail failed: secret of the server",
      ]);
      expect(host.server.log.some((line) => line.includes("secret of the server"))).to.equal(true);
    });

    it("sends ERROR for a receipt that would be a lie, without the server's secrets", async () => {
      await host.start();
      const client = await host.connect();

      client.send("SEND\ndestination:/app/fail\nreceipt:r\n\n^@");

      expect(await client.frame()).to.match(
        /^ERROR\nmessage:The frame could not be processed\nreceipt-id:r\nretry:\d{4}\ncontent-length:0\n\n\^@$/,
      );
      expect(await client.closed()).to.equal(1002);
    });
  });

  describe("whose client does not read", () => {
    it("ends at sendBufferSizeLimit, and keeps nobody else from reading", async function () {
      this.timeout(60_000);
      await host.start();
      const ended = host.event("sessionError");
      const slow = await host.connect();
      const quick = await host.connect();
      for (const client of [slow, quick]) client.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
      await slow.synchronize();
      await quick.synchronize();

      slow.webSocket.pause();
      let ends = false;
      void ended.then(() => {
        ends = true;
      });
      const kilobytes = Buffer.alloc(60_000, "x");
      let published = 0;
      for (; !ends && published < 2000; published++) {
        await host.server.messaging.template.convertAndSend("/topic/a", kilobytes);
        await quick.frame();
      }

      expect((await ended).error.message).to.equal("Session passes sendBufferSizeLimit: 524288");
      expect(await quick.synchronize()).to.deep.equal([]);
    });
  });

  describe("with heart-beats", () => {
    it("sends an EOL while nothing else is sent, and gives up a client that is silent", async function () {
      this.timeout(60_000);
      host.server = await startServer({
        broker: simpleBroker({ destinationPrefixes: ["/topic"], heartbeatValue: [200, 200] }),
      });
      const client = await host.connect("heart-beat:200,200\n");

      expect(await client.frame()).to.equal("\n");
      let event = await client.next();
      while (event === "\n") event = await client.next();

      expect(event).to.equal("ERROR\nmessage:No heart-beat came in time\nretry:now\ncontent-length:0\n\n^@");
      expect(await client.closed()).to.equal(1002);
    });
  });
});
