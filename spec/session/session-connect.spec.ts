import { expect } from "chai";
import { AccessDeniedError, type Principal, withHeaders } from "express-stomp";
import { NotesHost, on, raise } from "../support/notes-host.js";
import { settled } from "../support/recording.js";

describe("Session", () => {
  const host = new NotesHost();

  afterEach(() => host.close());

  describe("at CONNECT", () => {
    it("answers with version, heart-beat, server and session", async () => {
      await host.start();
      const client = await host.open();

      client.send("CONNECT\naccept-version:1.1,1.2\nhost:spec\n\n^@");

      expect(await client.frame()).to.match(
        /^CONNECTED\nversion:1\.2\nheart-beat:10000,10000\nserver:express-stomp\nsession:[0-9a-f-]{36}\n\n\^@$/,
      );
    });

    it("takes STOMP for CONNECT, and EOLs before it", async () => {
      await host.start();
      const client = await host.open();

      client.send("\n\r\nSTOMP\naccept-version:1.2\nhost:spec\n\n^@");

      expect(await client.frame()).to.match(/^CONNECTED\nversion:1\.2\n/);
    });

    for (const [accepted, version] of [
      ["accept-version:1.0\n", "1.0"],
      ["accept-version:1.2,1.1,1.0\n", "1.2"],
      ["accept-version:1.0, 1.1\n", "1.1"],
      ["accept-version:1.1,2.0\n", "1.1"],
      ["", "1.0"],
    ] as const) {
      it(`agrees on ${version} with ${accepted.trim() || "no accept-version"}`, async () => {
        await host.start();
        const client = await host.open();

        client.send(`CONNECT\n${accepted}\n^@`);

        expect(await client.frame()).to.match(
          new RegExp(`^CONNECTED\nversion:${version.replace(".", "\\.")}\n`),
        );
      });
    }

    it("refuses a client with whom it has no version in common, and names its own", async () => {
      await host.start();
      const client = await host.open();

      client.send("CONNECT\naccept-version:2.0\nhost:spec\n\n^@");

      expect(await client.frame()).to.equal(
        "ERROR\nmessage:No STOMP version in common with accept-version 2.0\nversion:1.0,1.1,1.2\nretry:never\ncontent-length:0\n\n^@",
      );
      expect(await client.closed()).to.equal(1002);
    });

    it("refuses a malformed heart-beat", async () => {
      await host.start();
      const client = await host.open();

      client.send("CONNECT\naccept-version:1.2\nhost:spec\nheart-beat:a,b\n\n^@");

      expect(await client.frame()).to.include('message:heart-beat is not two numbers of ms\\c "a,b"\n');
      expect(await client.closed()).to.equal(1002);
    });

    it("ignores receipt", async () => {
      await host.start();

      const client = await host.connect("receipt:r\n");

      expect(await client.synchronize()).to.deep.equal([]);
    });

    it("refuses a second CONNECT", async () => {
      await host.start();
      const client = await host.connect();

      client.send("CONNECT\naccept-version:1.2\nhost:spec\n\n^@");

      expect(await client.frame()).to.include("message:CONNECT came twice\\c already connected\n");
      expect(await client.closed()).to.equal(1002);
    });

    it("bears no long frame before it, and up to messageSizeLimit after it", async () => {
      await host.start();
      const early = await host.open();
      early.send(`SEND\ndestination:/app/note\ncontent-length:20000\n\n`);
      expect(await early.frame()).to.include("message:Frame passes connectSizeLimit\\c 16384\n");
      expect(await early.closed()).to.equal(1002);
      const client = await host.connect();

      client.send(`SEND\ndestination:/app/note\n\n${"x".repeat(60_000)}^@`);
      await client.synchronize();
      client.send(`SEND\ndestination:/app/note\ncontent-length:65536\n\n`);

      expect(await client.frame()).to.include("passes messageSizeLimit\\c 65536");
      expect(host.notes.taken.map((note) => note.length)).to.deep.equal([60_000]);
    });

    it("bears a long frame as soon as CONNECTED was written, while interceptors are at work with CONNECT", async () => {
      let done = () => {};
      const working = new Promise<void>((resolve) => {
        done = resolve;
      });
      await host.start({
        postSend: (message) => (message.headers.messageType === "CONNECT" ? working : undefined),
      });
      const client = await host.open();
      client.send("CONNECT\naccept-version:1.2\nhost:spec\n\n^@");
      await client.frame();

      client.send(`SEND\ndestination:/app/note\n\n${"x".repeat(60_000)}^@`);
      while (host.server.messaging.stats().framesReceived < 2) await settled();
      done();
      await client.synchronize();

      expect(host.notes.taken.map((note) => note.length)).to.deep.equal([60_000]);
    });

    for (const frame of [
      "SEND\ndestination:/app/note\n\nx^@",
      "SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@",
      "DISCONNECT\n\n^@",
    ]) {
      it(`lets no ${frame.split("\n", 1)[0]} pass before it`, async () => {
        await host.start();
        const client = await host.open();

        client.send(frame);

        expect(await client.frame()).to.match(/^ERROR\nmessage:[A-Z]+ came before CONNECT\n/);
        expect(await client.closed()).to.equal(1002);
        expect(host.notes.taken).to.deep.equal([]);
      });
    }

    it("gives the session the user that an interceptor found", async () => {
      const users: (Principal | undefined)[] = [];
      await host.start(
        on("CONNECT", async (message) => {
          await settled();
          return withHeaders(message, { user: { name: message.headers.native.get("login") ?? "" } });
        }),
        on("MESSAGE", (message) => {
          users.push(message.headers.user);
          return message;
        }),
      );
      const client = await host.open();

      client.send(
        "CONNECT\naccept-version:1.2\nhost:spec\nlogin:joe\n\n^@SEND\ndestination:/app/note\n\nx^@",
      );

      expect(await client.frame()).to.include("\nuser-name:joe\n");
      await client.synchronize();
      expect(users).to.deep.equal([{ name: "joe" }]);
    });

    for (const [how, refuse] of [
      ["throws", () => Promise.reject(new AccessDeniedError("Wrong passcode"))],
      ["throws at once", () => raise(new AccessDeniedError("Wrong passcode"))],
    ] as const) {
      it(`drops what follows a CONNECT that an interceptor refused when it ${how}`, async () => {
        await host.start(on("CONNECT", refuse));
        const ends = host.event("sessionError");
        const client = await host.open();

        client.send("CONNECT\naccept-version:1.2\nhost:spec\n\n^@SEND\ndestination:/app/note\n\nsneaked^@");
        client.send("SEND\ndestination:/app/note\n\nsneaked^@");

        expect(await client.frame()).to.equal(
          "ERROR\nmessage:Wrong passcode\nretry:never\ncontent-length:0\n\n^@",
        );
        expect(await client.closed()).to.equal(1002);
        await ends;
        expect(host.notes.taken).to.deep.equal([]);
      });
    }

    it("answers a CONNECT that an interceptor stopped", async () => {
      await host.start(on("CONNECT", () => null));
      const client = await host.open();

      client.send("CONNECT\naccept-version:1.2\nhost:spec\n\n^@SEND\ndestination:/app/note\n\nsneaked^@");

      expect(await client.frame()).to.include("message:The connection was refused\n");
      expect(await client.closed()).to.equal(1002);
      expect(host.notes.taken).to.deep.equal([]);
    });

    it("tells nothing of an interceptor's own error", async () => {
      await host.start(on("CONNECT", () => Promise.reject(new Error("password of the database is x"))));
      const client = await host.open();

      client.send("CONNECT\naccept-version:1.2\nhost:spec\n\n^@");

      expect(await client.frame()).to.match(
        /^ERROR\nmessage:The frame could not be processed\nretry:\d{4}\ncontent-length:0\n\n\^@$/,
      );
    });
  });
});
