import { expect } from "chai";
import { type ChannelInterceptor, createMessage, type Message, SubscribableChannel } from "express-stomp";
import { hello, rejection, text } from "../support/channels.js";
import { recordingLogger, settled } from "../support/recording.js";

describe("SubscribableChannel", () => {
  describe("with a bound of concurrency", () => {
    /** Handlers that work until the spec lets them go, by the message's text. */
    function bounded(concurrency: number, interceptors: ChannelInterceptor[] = []) {
      const channel = new SubscribableChannel("testChannel", {
        logger: recordingLogger(),
        concurrency,
        interceptors,
      });
      const working = new Map<string, (fault?: Error) => void>();
      const handle = (message: Message) =>
        new Promise<void>((resolve, reject) => {
          working.set(text(message), (fault) => (fault ? reject(fault) : resolve()));
        });
      channel.subscribe({ handle });
      const send = (body: string) => channel.send(createMessage(Buffer.from(body)));
      return { channel, working, send };
    }

    it("keeps no more messages with the handlers, and lets the others in as they came", async () => {
      const { working, send } = bounded(2);
      const all = ["a", "b", "c", "d"].map(send);
      await settled();
      expect([...working.keys()]).to.deep.equal(["a", "b"]);

      working.get("b")?.();
      await settled();
      expect([...working.keys()]).to.deep.equal(["a", "b", "c"]);

      for (const name of ["a", "c"]) working.get(name)?.();
      await settled();
      working.get("d")?.();
      expect(await Promise.all(all)).to.deep.equal([true, true, true, true]);
    });

    it("lets nobody who comes later get ahead of one who waits", async () => {
      const { working, send } = bounded(1);
      const first = send("a");
      const second = send("b");
      working.get("a")?.();
      await first;
      const third = send("c");
      await settled();

      expect([...working.keys()]).to.deep.equal(["a", "b"]);
      working.get("b")?.();
      await second;
      await settled();
      working.get("c")?.();
      await third;
    });

    it("goes on after a handler that failed", async () => {
      const { working, send } = bounded(1);
      const first = rejection(() => send("a"));
      const second = send("b");
      working.get("a")?.(new Error("broken"));

      expect((await first).message).to.include("broken");
      await settled();
      working.get("b")?.();
      expect(await second).to.equal(true);
    });

    it("stays synchronous while nobody has to wait", () => {
      const channel = new SubscribableChannel("testChannel", { logger: recordingLogger(), concurrency: 1 });
      const handled: Message[] = [];
      channel.subscribe({
        handle(message) {
          handled.push(message);
          if (handled.length === 1) throw new Error("broken");
        },
      });

      expect(() => channel.send(hello)).to.throw("broken");
      expect(channel.send(hello)).to.equal(true);
      expect(handled.length).to.equal(2);
    });

    it("asks preSend of a message that has to wait, and beforeHandle only when it need not any more", async () => {
      const notes: string[] = [];
      const { working, send } = bounded(1, [
        {
          preSend(message) {
            notes.push(`preSend ${text(message)}`);
            return message;
          },
          beforeHandle(message) {
            notes.push(`beforeHandle ${text(message)}`);
            return message;
          },
        },
      ]);
      const all = [send("a"), send("b")];
      await settled();
      expect(notes).to.deep.equal(["preSend a", "beforeHandle a", "preSend b"]);

      working.get("a")?.();
      await settled();
      expect(notes.at(-1)).to.equal("beforeHandle b");
      working.get("b")?.();
      await Promise.all(all);
    });

    it("lets a handler send into its own channel and wait for it", async () => {
      const channel = new SubscribableChannel("testChannel", { logger: recordingLogger(), concurrency: 1 });
      const handled: string[] = [];
      channel.subscribe({
        async handle(message) {
          await settled();
          if (text(message) === "hello") await channel.send(createMessage(Buffer.from("inner")));
          handled.push(text(message));
        },
      });

      await channel.send(hello);

      expect(handled).to.deep.equal(["inner", "hello"]);
    });

    it("lets nobody in when what a handler sent into its own channel is done, but the handler is not", async () => {
      const { channel, working, send } = bounded(1);
      let inner: boolean | Promise<boolean> = false;
      channel.subscribe({
        handle(message) {
          if (text(message) === "a") inner = send("inner");
        },
      });
      const all = [send("a"), send("b")];
      await settled();
      expect([...working.keys()]).to.deep.equal(["a", "inner"]);

      working.get("inner")?.();
      await inner;
      await settled();
      expect([...working.keys()]).to.deep.equal(["a", "inner"]);

      working.get("a")?.();
      await settled();
      working.get("b")?.();
      expect(await Promise.all(all)).to.deep.equal([true, true]);
    });

    it("bounds what a handler leaves running behind it", async () => {
      const { channel, working, send } = bounded(1);
      let late: boolean | Promise<boolean> = false;
      const left = new Promise<void>((resolve) => {
        channel.subscribe({
          handle(message) {
            if (text(message) !== "a") return;
            void settled()
              .then(() => settled())
              .then(() => {
                late = send("late");
                resolve();
              });
          },
        });
      });
      const first = send("a");
      working.get("a")?.();
      await first;
      const second = send("b");
      await left;
      await settled();

      expect([...working.keys()]).to.deep.equal(["a", "b"]);
      working.get("b")?.();
      await second;
      await settled();
      working.get("late")?.();
      expect(await late).to.equal(true);
    });
  });
});
