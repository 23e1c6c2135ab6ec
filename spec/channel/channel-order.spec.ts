import { expect } from "chai";
import { type ChannelInterceptor, createMessage, type Message, SubscribableChannel } from "express-stomp";
import { deferred, rejection, text } from "../support/channels.js";
import { recordingLogger, settled } from "../support/recording.js";

describe("SubscribableChannel", () => {
  describe("that keeps an order", () => {
    /** An interceptor in which each message waits until the spec lets it go on, by its text. */
    function gates() {
      const waiting = new Map<string, () => void>();
      const interceptor: ChannelInterceptor = {
        preSend: (message) => new Promise((resolve) => waiting.set(text(message), () => resolve(message))),
      };
      return { interceptor, open: (name: string) => waiting.get(name)?.(), waiting };
    }

    function ordered(interceptor: ChannelInterceptor, overflowed?: (message: Message) => void) {
      const channel = new SubscribableChannel("testChannel", {
        logger: recordingLogger(),
        interceptors: [interceptor],
        orderOf: (message) => message.headers.sessionId ?? "",
        ...(overflowed ? { overflowed } : {}),
      });
      const handled: string[] = [];
      channel.subscribe({ handle: (message) => void handled.push(text(message)) });
      return { channel, handled };
    }

    const message = (body: string, sessionId: string) => createMessage(Buffer.from(body), { sessionId });

    it("lets no message overtake another of its order, and none wait for another order", async () => {
      const { interceptor, open, waiting } = gates();
      const { channel, handled } = ordered(interceptor);

      const all = [
        channel.send(message("a1", "a")),
        channel.send(message("a2", "a")),
        channel.send(message("b1", "b")),
      ];
      await settled();
      expect([...waiting.keys()]).to.deep.equal(["a1", "b1"]);

      open("b1");
      await settled();
      open("a1");
      await settled();
      open("a2");
      await Promise.all(all);

      expect(handled).to.deep.equal(["b1", "a1", "a2"]);
    });

    it("lets the next one in when the handlers have a message, not when they are done", async () => {
      const { channel } = ordered({ preSend: (each) => Promise.resolve(each) });
      const done: (() => void)[] = [];
      const taken: string[] = [];
      channel.subscribe({
        handle: (each) => {
          taken.push(text(each));
          return new Promise((resolve) => done.push(resolve));
        },
      });
      const all = ["1", "2", "3"].map((body) => channel.send(message(body, "a")));
      await settled();
      expect(taken).to.deep.equal(["1", "2", "3"]);
      for (const resolve of done) resolve();
      expect(await Promise.all(all)).to.deep.equal([true, true, true]);
    });

    it("lets a handler send into its own order while others wait for its permit", async () => {
      const channel = new SubscribableChannel("testChannel", {
        logger: recordingLogger(),
        interceptors: [{ preSend: (each) => Promise.resolve(each) }],
        orderOf: () => "",
        concurrency: 1,
      });
      const taken: string[] = [];
      channel.subscribe({
        handle: async (each) => {
          taken.push(text(each));
          await settled();
          if (text(each) === "1") await channel.send(message("of 1", "a"));
        },
      });
      await Promise.all(["1", "2"].map((body) => channel.send(message(body, "a"))));
      expect(taken).to.deep.equal(["1", "of 1", "2"]);
    });

    it("goes on after a message that was refused", async () => {
      const { channel, handled } = ordered({
        async preSend(each) {
          await settled();
          if (text(each) === "a1") throw new Error("refused");
          return each;
        },
      });

      const first = rejection(channel.send(message("a1", "a")));
      const second = channel.send(message("a2", "a"));

      expect((await first).message).to.include("refused");
      expect(await second).to.equal(true);
      expect(handled).to.deep.equal(["a2"]);
    });

    it("lets an interceptor send into its own order and wait for it", async () => {
      const { channel, handled } = ordered({
        async preSend(each, itself) {
          await settled();
          if (text(each) === "outer") await itself.send(message("inner", "a"));
          return each;
        },
      });

      await channel.send(message("outer", "a"));

      expect(handled).to.deep.equal(["inner", "outer"]);
    });

    it("keeps in order what an interceptor leaves running behind it", async () => {
      const { interceptor, open, waiting } = gates();
      let late: boolean | Promise<boolean> = false;
      const sentLate = deferred();
      const { channel, handled } = ordered({
        async preSend(each, itself) {
          if (text(each) !== "first") return interceptor.preSend?.(each, itself) ?? each;
          void opened.promise.then(() => {
            late = itself.send(message("late", "a"));
            sentLate.resolve();
          });
          return each;
        },
      });
      const opened = deferred();

      await channel.send(message("first", "a"));
      const second = channel.send(message("second", "a"));
      opened.resolve();
      await sentLate.promise;
      await settled();
      expect([...waiting.keys()]).to.deep.equal(["second"]);

      open("second");
      await second;
      await settled();
      open("late");
      await late;
      expect(handled).to.deep.equal(["first", "second", "late"]);
    });

    it("refuses the 1,025th message that waits, and says so", async () => {
      const { interceptor, open } = gates();
      const overflows: Message[] = [];
      const { channel } = ordered(interceptor, (each) => void overflows.push(each));
      const waiting = Array.from({ length: 1024 }, (_, i) => channel.send(message(`m${i}`, "a")));

      const error = await rejection(channel.send(message("one too many", "a")));

      expect(error.message).to.equal("1024 messages wait for the interceptors of testChannel");
      expect(overflows.map(text)).to.deep.equal(["one too many"]);
      for (let i = 0; i < 1024; i++) {
        open(`m${i}`);
        await waiting[i];
      }
    });
  });
});
