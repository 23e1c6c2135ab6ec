import { expect } from "chai";
import { type Message, withHeaders } from "express-stomp";
import { NotesHost, on, raise } from "../support/notes-host.js";
import { settled } from "../support/recording.js";

function ofDisconnect(stop: () => null): (message: Message) => Message | null {
  return (message) => (message.headers.messageType === "DISCONNECT" ? stop() : message);
}

describe("Session", () => {
  const host = new NotesHost();

  afterEach(() => host.close());

  describe("at its end", () => {
    it("confirms DISCONNECT and closes normally", async () => {
      await host.start();
      const ended = host.event("disconnect");
      const client = await host.connect();

      client.send("DISCONNECT\nreceipt:77\n\n^@SEND\ndestination:/app/note\n\nafterwards^@");

      expect(await client.frame()).to.equal("RECEIPT\nreceipt-id:77\n\n^@");
      expect(await client.closed()).to.equal(1000);
      expect((await ended).code).to.equal(1000);
      expect(host.notes.taken).to.deep.equal([]);
    });

    it("closes normally at a DISCONNECT without receipt", async () => {
      await host.start();
      const client = await host.connect();

      client.send("DISCONNECT\n\n^@");

      expect(await client.closed()).to.equal(1000);
    });

    for (const [what, interceptor] of [
      ["stopped", on("DISCONNECT", () => null)],
      ["refused", on("DISCONNECT", () => raise(new Error("no")))],
      ["passed everybody over at", { beforeHandle: ofDisconnect(() => null) }],
      ["refused everybody", { beforeHandle: ofDisconnect(() => raise(new Error("no"))) }],
    ] as const) {
      it(`takes its subscriptions with it though an interceptor ${what} the DISCONNECT`, async () => {
        await host.start(interceptor);
        const deliveries: string[] = [];
        host.server.messaging.clientOutboundChannel.subscribe({
          handle: (message) => void deliveries.push(message.headers.messageType),
        });
        const client = await host.connect();
        client.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
        await client.synchronize();
        const ended = host.event("disconnect");

        client.send("DISCONNECT\nreceipt:r\n\n^@");

        expect(await client.frame()).to.equal("RECEIPT\nreceipt-id:r\n\n^@");
        await ended;
        await host.server.messaging.template.convertAndSend("/topic/a", "x");
        expect(deliveries).to.deep.equal(["CONNECT_ACK"]);
      });
    }

    for (const [what, interceptor] of [
      ["no interceptor", undefined],
      ["an interceptor that stops it", on("DISCONNECT", () => null)],
      ["an interceptor that refuses it", on("DISCONNECT", () => raise(new Error("no")))],
      ["one that refuses it to each handler", { beforeHandle: ofDisconnect(() => raise(new Error("no"))) }],
      [
        "one that fails when it was sent",
        { postSend: (message: Message) => void ofDisconnect(() => raise(new Error("no")))(message) },
      ],
    ] as const) {
      for (const [how, fail] of [
        ["throws", () => raise(new Error("boom"))],
        ["rejects", () => Promise.reject(new Error("boom"))],
      ] as const) {
        for (const leaves of ["sends DISCONNECT", "breaks off"]) {
          it(`tells every handler once, past ${what}, though one before it ${how}, when a client ${leaves}`, async () => {
            await host.start(...(interceptor ? [interceptor] : []));
            const heard: string[] = [];
            const { clientInboundChannel } = host.server.messaging;
            const hear =
              (name: string) =>
              ({ messageType }: Message["headers"]) =>
                messageType === "DISCONNECT" && heard.push(name) > 0;
            const first = hear("first");
            clientInboundChannel.subscribe({
              handle: ({ headers }) => (first(headers) ? fail() : undefined),
            });
            const second = hear("second");
            clientInboundChannel.subscribe({ handle: ({ headers }) => void second(headers) });
            const client = await host.connect();
            const ended = host.event("disconnect");

            if (leaves === "breaks off") client.cut();
            else {
              client.send("DISCONNECT\nreceipt:77\n\n^@");
              expect(await client.frame()).to.match(/^ERROR\nmessage:.*\nreceipt-id:77\n/);
            }
            await ended;

            expect(heard).to.deep.equal(["first", "second"]);
            expect(host.server.log.join()).to.match(/DISCONNECT of session \S+ failed .*boom/);
          });
        }
      }
    }

    it("announces the end of a client that broke off once, and delivers nothing to it", async () => {
      await host.start();
      const deliveries: string[] = [];
      host.server.messaging.clientOutboundChannel.subscribe({
        handle: (message) => void deliveries.push(message.headers.messageType),
      });
      const ends = host.collect("disconnect");
      const ended = host.event("disconnect");
      const client = await host.connect();
      client.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
      await client.synchronize();

      client.cut();
      const { code } = await ended;
      await host.server.messaging.template.convertAndSend("/topic/a", "x");

      expect([code, ends.length, deliveries]).to.deep.equal([1006, 1, ["CONNECT_ACK"]]);
    });

    it("still handles what a client that broke off had sent, in order", async () => {
      let release = () => {};
      const gate = new Promise<void>((resolve) => {
        release = resolve;
      });
      await host.start(on("MESSAGE", (message) => gate.then(() => message)));
      const ended = host.event("disconnect");
      const client = await host.connect();
      client.send("SEND\ndestination:/app/note\n\n1^@SEND\ndestination:/app/note\n\n2^@");
      client.webSocket.close();
      await client.closed();

      release();
      await ended;

      expect(host.notes.taken).to.deep.equal(["1", "2"]);
    });

    it("announces connect, connected, subscribe, subscribed, unsubscribe and disconnect in this order", async () => {
      await host.start();
      const seen: string[] = [];
      const names = ["connect", "connected", "subscribe", "subscribed", "unsubscribe", "disconnect"] as const;
      for (const name of names) {
        host.server.messaging.on(name, () => void seen.push(name));
      }
      const ended = host.event("disconnect");
      const client = await host.connect();

      client.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@UNSUBSCRIBE\nid:1\n\n^@DISCONNECT\n\n^@");
      await ended;

      expect(seen).to.deep.equal(names);
    });

    it("announces subscribe when it was handed on, and subscribed when it was handled", async () => {
      await host.start({
        afterMessageHandled: async ({ headers }) => {
          if (headers.messageType === "SUBSCRIBE") await subscribe;
        },
      });
      const subscribe = host.event("subscribe");
      const subscribed = host.collect("subscribed");
      const client = await host.connect();

      client.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
      expect(subscribed).to.deep.equal([]);
      expect((await subscribe).message.headers.destination).to.equal("/topic/a");
      await client.synchronize();

      expect(subscribed.map(({ message }) => message.headers.subscriptionId)).to.deep.equal(["1"]);
    });

    it("announces subscribe and subscribed with the message as interceptors made it", async () => {
      await host.start(on("SUBSCRIBE", (message) => withHeaders(message, { destination: "/topic/b" })));
      const events = [host.collect("subscribe"), host.collect("subscribed")];
      const client = await host.connect();

      client.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
      await client.synchronize();

      expect(events.flat().map(({ message }) => message.headers.destination)).to.deep.equal([
        "/topic/b",
        "/topic/b",
      ]);
    });

    it("announces no subscription that an interceptor or the broker refused", async () => {
      await host.start(
        on("SUBSCRIBE", (message) => (message.headers.subscriptionId === "1" ? null : message)),
      );
      const events = [host.collect("subscribe"), host.collect("subscribed")];
      const client = await host.connect();

      client.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
      client.send("SUBSCRIBE\nid:2\ndestination:/topic/a\nack:none\n\n^@");
      await client.frame();

      expect(events).to.deep.equal([[], []]);
    });

    it("announces the user whom an interceptor found already at connect", async () => {
      await host.start(on("CONNECT", async (message) => withHeaders(message, { user: { name: "rod" } })));
      const events = [host.collect("connect"), host.collect("connected")];

      await host.connect();
      await settled();

      expect(events.flat().map(({ user }) => user?.name)).to.deep.equal(["rod", "rod"]);
    });

    it("announces the close status of a session's end", async () => {
      await host.start();
      const ended = host.event("disconnect");
      const client = await host.connect();

      client.webSocket.close(4001, "bye");

      expect(await ended).to.include({ code: 4001, reason: "bye" });
    });

    it("bears a listener that throws", async () => {
      await host.start();
      host.server.messaging.on("connected", () => raise(new Error("listener")));
      host.server.messaging.on("connected", () => Promise.reject(new Error("async listener")));
      const client = await host.connect();

      expect(await client.synchronize()).to.deep.equal([]);
      expect(
        host.server.log.filter((line) => line.includes("a listener of connected failed")).length,
      ).to.equal(2);
    });

    it("closes with 1001 when the server does", async () => {
      await host.start();
      const client = await host.connect();

      await host.server.messaging.close();

      expect(await client.closed()).to.equal(1001);
    });
  });
});
