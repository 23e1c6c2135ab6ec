import { AsyncLocalStorage } from "node:async_hooks";
import { expect } from "chai";
import {
  type ChannelInterceptor,
  createMessage,
  HandlerTimeoutError,
  type Message,
  SubscribableChannel,
} from "express-stomp";
import type { Order } from "#lib/channel/lanes.js";
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

    /** Each message counts for as many bytes as its payload has. */
    function ordered(interceptor: ChannelInterceptor, options: Partial<Order> = {}) {
      const channel = new SubscribableChannel("testChannel", {
        logger: recordingLogger(),
        interceptors: [interceptor],
        order: { ...bySession, ...options },
      });
      const handled: string[] = [];
      channel.subscribe({ handle: (message) => void handled.push(text(message)) });
      return { channel, handled };
    }

    const bySession: Order = {
      of: ({ headers }) => headers.sessionId ?? "",
      limit: 1_000_000,
      sizeOf: ({ payload }) => payload.byteLength,
    };

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
        order: { ...bySession, of: () => "" },
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

      const first = rejection(() => channel.send(message("a1", "a")));
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

    it("is synchronous while the interceptors are", () => {
      const { channel, handled } = ordered({
        preSend: (each) => each,
        postSend() {},
        afterSendCompletion() {},
      });

      for (let i = 0; i < 3000; i++) expect(channel.send(message("m", "a"))).to.equal(true);

      expect(handled).to.have.length(3000);
    });

    it("refuses a message synchronously when a synchronous interceptor does, and goes on", () => {
      const { channel, handled } = ordered({
        preSend(each) {
          if (text(each) === "a1") throw new Error("refused");
          return text(each) === "a2" ? null : each;
        },
      });

      expect(() => channel.send(message("a1", "a"))).to.throw("refused");
      expect(channel.send(message("a2", "a"))).to.equal(false);
      expect(channel.send(message("a3", "a"))).to.equal(true);
      expect(handled).to.deep.equal(["a3"]);
    });

    it("lets no synchronous message overtake one that an interceptor lets wait", async () => {
      const { interceptor, open } = gates();
      const { channel, handled } = ordered({
        preSend: (each, itself) =>
          text(each) === "slow" ? (interceptor.preSend?.(each, itself) ?? each) : each,
      });

      const slow = channel.send(message("slow", "a"));
      const quick = channel.send(message("quick", "a"));
      expect(channel.send(message("other", "b"))).to.equal(true);
      open("slow");
      await Promise.all([slow, quick]);

      expect(handled).to.deep.equal(["other", "slow", "quick"]);
      expect(channel.send(message("again", "a"))).to.equal(true);
    });

    it("runs a task behind what was sent before it, and before what comes after", async () => {
      const { interceptor, open } = gates();
      const { channel, handled } = ordered(interceptor);
      const all = [channel.send(message("1", "a")), channel.send(message("2", "a"))];
      channel.behind("a", () => handled.push("task"));
      channel.behind("b", () => handled.push("task of another order"));
      all.push(channel.send(message("3", "a")));

      for (const each of ["1", "2", "3"]) {
        open(each);
        await settled();
      }
      await Promise.all(all);

      expect(handled).to.deep.equal(["task of another order", "1", "2", "task", "3"]);
    });

    it("keeps the async context of whoever sent what waits", async () => {
      const context = new AsyncLocalStorage<string>();
      const seen: (string | undefined)[] = [];
      const { interceptor, open } = gates();
      const { channel } = ordered({
        preSend(each, itself) {
          seen.push(context.getStore());
          return interceptor.preSend?.(each, itself) ?? each;
        },
      });

      const all = ["1", "2"].map((body) => context.run(`by ${body}`, () => channel.send(message(body, "a"))));
      open("1");
      await settled();
      open("2");
      await Promise.all(all);

      expect(seen).to.deep.equal(["by 1", "by 2"]);
    });

    it("refuses what waits beyond its limit of bytes, tells of the first, and takes more when there is room", async () => {
      const { interceptor, open, waiting } = gates();
      const refused: string[] = [];
      const { channel, handled } = ordered(interceptor, {
        limit: 10,
        refused: (each, error) => void refused.push(`${text(each)}: ${error.message}`),
      });
      const sent = ["12345", "6789a", "b"].map((body) => channel.send(message(body, "a")));
      expect(channel.waiting("a")).to.equal(11);

      const errors = [
        rejection(() => channel.send(message("c", "a"))),
        rejection(() => channel.send(message("d", "a"))),
      ];
      void channel.send(message("other", "b"));

      const told = "More than 10 bytes wait on testChannel";
      expect((await Promise.all(errors)).map((error) => error.message)).to.deep.equal([told, told]);
      expect(refused).to.deep.equal([`c: ${told}`]);

      open("12345");
      await settled();
      sent.push(channel.send(message("e", "a")));
      for (const each of ["6789a", "b", "e"]) {
        open(each);
        await settled();
      }
      await Promise.all(sent);
      expect(handled).to.deep.equal(["12345", "6789a", "b", "e"]);
      expect([channel.waiting("a"), [...waiting.keys()].includes("other")]).to.deep.equal([0, true]);

      const again = ["1234567", "89abc"].map((body) => channel.send(message(body, "a")));
      await rejection(() => channel.send(message("f", "a")));
      expect(refused).to.deep.equal([`c: ${told}`, `f: ${told}`]);
      for (const each of ["1234567", "89abc"]) {
        open(each);
        await settled();
      }
      await Promise.all(again);
    });

    it("counts what waits for its payer, over all orders of that", async () => {
      const { interceptor, open } = gates();
      const { channel } = ordered(interceptor, { limit: 3, payer: () => "everybody" });
      const sent = [channel.send(message("1111", "a")), channel.send(message("2", "b"))];

      expect((await rejection(() => channel.send(message("3", "a")))).message).to.include(
        "More than 3 bytes wait",
      );
      for (const each of ["1111", "2"]) open(each);
      await Promise.all(sent);
      expect(channel.waiting("everybody")).to.equal(0);
    });

    it("drops the oldest that may be dropped where that is wished for", async () => {
      const { interceptor, open } = gates();
      const dropped: string[] = [];
      const { channel, handled } = ordered(interceptor, {
        limit: 3,
        mayDrop: (each) => text(each).startsWith("x"),
        dropped: (each, first) => void dropped.push(`${text(each)} ${first}`),
      });

      const sent = ["a", "x1", "b", "x2", "x3"].map((body) => channel.send(message(body, "a")));
      for (const each of ["a", "b", "x3"]) {
        open(each);
        await settled();
      }

      expect(await Promise.all(sent)).to.deep.equal([true, false, true, false, true]);
      expect(dropped).to.deep.equal(["x1 true", "x2 false"]);
      expect(handled).to.deep.equal(["a", "b", "x3"]);
    });

    it("gives up what waits for its turn for too long, and what an interceptor keeps for too long", async () => {
      const timedOut: string[] = [];
      const refused: string[] = [];
      const handled: string[] = [];
      const channel = new SubscribableChannel("testChannel", {
        logger: recordingLogger(),
        handlerTimeout: 5,
        interceptors: [new Hanging()],
        order: { ...bySession, patience: 5, refused: (each) => void refused.push(text(each)) },
        timedOut: (each, error) => void timedOut.push(`${text(each)}: ${error.message}`),
      });
      channel.subscribe({ handle: (each) => void handled.push(text(each)) });

      const errors = await Promise.all(
        ["hang 1", "hang 2"].map((body) => rejection(() => channel.send(message(body, "a")))),
      );
      expect(errors.every((error) => error instanceof HandlerTimeoutError)).to.equal(true);
      expect(timedOut[0]).to.equal("hang 1: preSend of Hanging did not settle within 5 ms");
      // Which of both deadlines of the second one is first is the clock's affair.
      expect(timedOut.length + refused.length).to.equal(2);

      expect(await channel.send(message("next", "a"))).to.equal(true);
      expect(handled).to.deep.equal(["next"]);
    });

    it("does not let two channels wait for each other", async () => {
      const orders: Order = { ...bySession, of: () => "all" };
      const logger = recordingLogger();
      const channels: Record<"left" | "right", SubscribableChannel> = {
        left: new SubscribableChannel("left", { logger, order: orders, interceptors: [asking("right")] }),
        right: new SubscribableChannel("right", { logger, order: orders, interceptors: [asking("left")] }),
      };
      function asking(other: "left" | "right"): ChannelInterceptor {
        return {
          async preSend(each) {
            await settled();
            if (text(each) === "outer") await channels[other].send(message("inner", "a"));
            return each;
          },
        };
      }
      const handled: string[] = [];
      for (const channel of Object.values(channels)) {
        channel.subscribe({ handle: (each) => void handled.push(`${channel.name} ${text(each)}`) });
      }

      await Promise.all(Object.values(channels).map((channel) => channel.send(message("outer", "a"))));

      expect(handled.sort()).to.deep.equal(["left inner", "left outer", "right inner", "right outer"]);
    });
  });
});

/** Keeps what begins with "hang" for ever. */
class Hanging implements ChannelInterceptor {
  preSend(each: Message): Message | Promise<Message> {
    return text(each).startsWith("hang") ? new Promise<never>(() => {}) : each;
  }
}
