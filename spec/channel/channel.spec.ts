import { expect } from "chai";
import {
  AccessDeniedError,
  type ChannelInterceptor,
  createMessage,
  type Message,
  MessageDeliveryError,
  type MessageHandler,
  SubscribableChannel,
  withHeaders,
  withPayload,
} from "express-stomp";
import { recordingLogger, settled } from "../support/recording.js";

const text = (message: Message) => Buffer.from(message.payload).toString();
const hello = createMessage(Buffer.from("hello"), { sessionId: "s1" });

function channelWith(...interceptors: ChannelInterceptor[]) {
  const logger = recordingLogger();
  const channel = new SubscribableChannel("testChannel", { logger, interceptors });
  const handled: Message[] = [];
  channel.subscribe({ handle: (message) => void handled.push(message) });
  return { channel, handled, logger };
}

/** Notes each hook it passes as `name.hook`. */
function noting(
  name: string,
  notes: string[],
  changes: Partial<ChannelInterceptor> = {},
): ChannelInterceptor {
  return {
    preSend(message) {
      notes.push(`${name}.preSend`);
      return message;
    },
    postSend() {
      notes.push(`${name}.postSend`);
    },
    afterSendCompletion(_message, _channel, sent, error) {
      notes.push(`${name}.afterSendCompletion ${sent} ${error?.message ?? "-"}`);
    },
    ...changes,
  };
}

async function rejection(promise: boolean | Promise<boolean>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error("was expected to reject");
}

function raise(error: Error): never {
  throw error;
}

function deferred() {
  let resolve!: () => void;
  const promise = new Promise<void>((yes) => {
    resolve = yes;
  });
  return { promise, resolve };
}

describe("SubscribableChannel", () => {
  describe("without interceptors", () => {
    it("hands a message to every handler before send returns", () => {
      const { channel, handled } = channelWith();
      const more: Message[] = [];
      channel.subscribe({ handle: (message) => void more.push(message) });

      expect(channel.send(hello)).to.equal(true);
      expect([handled, more]).to.deep.equal([[hello], [hello]]);
    });

    it("is done when a handler's promise settles", async () => {
      const { channel } = channelWith();
      const steps: string[] = [];
      channel.subscribe({
        async handle() {
          await settled();
          steps.push("handled");
        },
      });

      await channel.send(hello);
      steps.push("sent");

      expect(steps).to.deep.equal(["handled", "sent"]);
    });

    it("lets a failing handler keep nothing from the others", () => {
      const logger = recordingLogger();
      const channel = new SubscribableChannel("testChannel", { logger });
      const handled: Message[] = [];
      channel.subscribe({
        handle() {
          throw new Error("broken");
        },
      });
      channel.subscribe({ handle: (message) => void handled.push(message) });

      expect(() => channel.send(hello)).to.throw(
        MessageDeliveryError,
        "testChannel could not send a message: broken",
      );
      expect(handled).to.deep.equal([hello]);
    });

    it("tells of a handler that threw and one that rejected by the first error", async () => {
      const channel = new SubscribableChannel("testChannel", { logger: recordingLogger() });
      channel.subscribe({
        handle() {
          throw new AccessDeniedError("no");
        },
      });
      channel.subscribe({ handle: () => Promise.reject(new Error("later")) });

      expect(await rejection(channel.send(hello))).to.be.instanceOf(AccessDeniedError);
    });

    it("no longer asks a handler that was removed", () => {
      const { channel, handled } = channelWith();
      const more: Message[] = [];
      const remove = channel.subscribe({ handle: (message) => void more.push(message) });
      remove();

      void channel.send(hello);

      expect([handled.length, more.length]).to.deep.equal([1, 0]);
    });
  });

  describe("with interceptors", () => {
    it("runs preSend and postSend in order, afterSendCompletion in reverse", async () => {
      const notes: string[] = [];
      const { channel } = channelWith(noting("a", notes), noting("b", notes));
      channel.subscribe({ handle: () => void notes.push("handled") });

      expect(await channel.send(hello)).to.equal(true);
      expect(notes).to.deep.equal([
        "a.preSend",
        "b.preSend",
        "handled",
        "a.postSend",
        "b.postSend",
        "b.afterSendCompletion true -",
        "a.afterSendCompletion true -",
      ]);
    });

    it("runs async hooks in the same order", async () => {
      const notes: string[] = [];
      const slowly = async (note: string) => {
        await settled();
        notes.push(note);
      };
      const { channel } = channelWith(
        {
          preSend: (message) => slowly("a.preSend").then(() => message),
          postSend: () => slowly("a.postSend"),
          afterSendCompletion: () => slowly("a.afterSendCompletion"),
        },
        noting("b", notes),
      );

      await channel.send(hello);

      expect(notes).to.deep.equal([
        "a.preSend",
        "b.preSend",
        "a.postSend",
        "b.postSend",
        "b.afterSendCompletion true -",
        "a.afterSendCompletion",
      ]);
    });

    it("hands on the message that preSend returns", async () => {
      const { channel, handled } = channelWith({
        preSend: (message) => withHeaders(message, { destination: "/elsewhere" }),
      });

      await channel.send(hello);

      expect(handled[0]?.headers.destination).to.equal("/elsewhere");
      expect(hello.headers.destination).to.equal(undefined);
    });

    it("stops a message at null, and completes only those that had passed it", async () => {
      const notes: string[] = [];
      const { channel, handled } = channelWith(
        noting("a", notes),
        noting("b", notes, { preSend: () => null }),
        noting("c", notes),
      );

      expect(await channel.send(hello)).to.equal(false);
      expect(handled).to.deep.equal([]);
      expect(notes).to.deep.equal(["a.preSend", "a.afterSendCompletion false -"]);
    });

    it("refuses a message at a throw, and completes those that had passed it with the error", async () => {
      const notes: string[] = [];
      const { channel, handled } = channelWith(
        noting("a", notes),
        noting("b", notes, { preSend: () => Promise.reject(new Error("secret")) }),
      );

      const error = await rejection(channel.send(hello));

      expect(error).to.be.instanceOf(MessageDeliveryError);
      expect((error.cause as Error).message).to.equal("secret");
      expect((error as MessageDeliveryError).publicMessage).to.equal(undefined);
      expect(handled).to.deep.equal([]);
      expect(notes).to.deep.equal([
        "a.preSend",
        "a.afterSendCompletion false testChannel could not send a message: secret",
      ]);
    });

    it("passes a MessagingError of an interceptor as it is", async () => {
      const refusal = new AccessDeniedError("Members only");
      const { channel } = channelWith({
        preSend() {
          throw refusal;
        },
      });

      expect(await rejection(channel.send(hello))).to.equal(refusal);
    });

    it("names the interceptor whose preSend returns nothing", async () => {
      class Forgetful {
        preSend() {}
      }
      const { channel } = channelWith(new Forgetful() as unknown as ChannelInterceptor);

      expect((await rejection(channel.send(hello))).message).to.include(
        "preSend of Forgetful returned undefined: return the message, or null to stop it",
      );
    });

    it("counts a throw in postSend as failure", async () => {
      const notes: string[] = [];
      const { channel } = channelWith(
        noting("a", notes, {
          postSend() {
            throw new Error("late");
          },
        }),
      );

      expect((await rejection(channel.send(hello))).message).to.include("late");
      expect(notes.at(-1)).to.equal("a.afterSendCompletion true testChannel could not send a message: late");
    });

    it("only logs a throw in afterSendCompletion, and runs the others", async () => {
      const notes: string[] = [];
      const { channel, logger } = channelWith(
        noting("a", notes),
        noting("b", notes, { afterSendCompletion: () => Promise.reject(new Error("too late")) }),
      );

      expect(await channel.send(hello)).to.equal(true);
      expect(notes.at(-1)).to.equal("a.afterSendCompletion true -");
      expect(logger.lines).to.deep.equal(["error afterSendCompletion failed on testChannel Error: too late"]);
    });

    it("asks an interceptor that was added later last", async () => {
      const notes: string[] = [];
      const { channel } = channelWith(noting("a", notes));
      channel.addInterceptor(noting("b", notes));

      await channel.send(hello);

      expect(notes.slice(0, 2)).to.deep.equal(["a.preSend", "b.preSend"]);
    });
  });

  describe("with interceptors that look at handlers", () => {
    /** A handler that notes what it gets, under its name. */
    function taking(name: string, notes: string[], fault?: Error) {
      return {
        name,
        handle(message: Message) {
          notes.push(`${name} ${text(message)}`);
          if (fault) throw fault;
        },
      };
    }

    /** Notes each hook around a handler as `name.hook handler`. */
    function around(
      name: string,
      notes: string[],
      changes: Partial<ChannelInterceptor> = {},
    ): ChannelInterceptor {
      return {
        beforeHandle(message, _channel, handler) {
          notes.push(`${name}.beforeHandle ${handler.name}`);
          return message;
        },
        afterMessageHandled(_message, _channel, handler, error) {
          notes.push(`${name}.afterMessageHandled ${handler.name} ${error?.message ?? "-"}`);
        },
        ...changes,
      };
    }

    function channelTo(handlers: MessageHandler[], ...interceptors: ChannelInterceptor[]) {
      const logger = recordingLogger();
      const channel = new SubscribableChannel("testChannel", { logger, interceptors });
      for (const handler of handlers) channel.subscribe(handler);
      return { channel, logger };
    }

    it("runs beforeHandle in order and afterMessageHandled in reverse, for each handler", async () => {
      const notes: string[] = [];
      const of = (handler: string) => notes.filter((note) => note.split(" ").includes(handler));
      const { channel } = channelTo(
        [taking("one", notes), taking("two", notes)],
        around("a", notes),
        around("b", notes),
      );

      expect(await channel.send(hello)).to.equal(true);
      for (const handler of ["one", "two"]) {
        expect(of(handler)).to.deep.equal([
          `a.beforeHandle ${handler}`,
          `b.beforeHandle ${handler}`,
          `${handler} hello`,
          `b.afterMessageHandled ${handler} -`,
          `a.afterMessageHandled ${handler} -`,
        ]);
      }
    });

    it("runs them between preSend and postSend, async ones too", async () => {
      const notes: string[] = [];
      const slowly = async (note: string) => {
        await settled();
        notes.push(note);
      };
      const { channel } = channelTo(
        [{ name: "one", handle: () => slowly("handled") }],
        noting("a", notes, {
          beforeHandle: (message) => slowly("a.beforeHandle").then(() => message),
          afterMessageHandled: () => slowly("a.afterMessageHandled"),
        }),
      );

      await channel.send(hello);

      expect(notes).to.deep.equal([
        "a.preSend",
        "a.beforeHandle",
        "handled",
        "a.afterMessageHandled",
        "a.postSend",
        "a.afterSendCompletion true -",
      ]);
    });

    it("gives a handler the message that beforeHandle returns, and the other handlers their own", async () => {
      const notes: string[] = [];
      const { channel } = channelTo([taking("one", notes), taking("two", notes)], {
        beforeHandle: (message, _channel, handler) =>
          handler.name === "one" ? withPayload(message, Buffer.from("changed")) : message,
      });

      await channel.send(hello);

      expect(notes.sort()).to.deep.equal(["one changed", "two hello"]);
    });

    it("passes a handler over at null, and tells only those that had let it pass", async () => {
      const notes: string[] = [];
      const { channel } = channelTo(
        [taking("one", notes), taking("two", notes)],
        around("a", notes),
        around("b", notes, {
          beforeHandle: (message, _channel, handler) => (handler.name === "one" ? null : message),
        }),
      );

      expect(await channel.send(hello)).to.equal(true);
      expect(notes).to.include("two hello").and.not.include("one hello");
      expect(notes.filter((note) => note.includes("afterMessageHandled one"))).to.deep.equal([
        "a.afterMessageHandled one -",
      ]);
    });

    for (const [how, raised] of [
      ["throws", () => raise(new Error("too early"))],
      ["rejects", () => Promise.reject(new Error("too early"))],
    ] as const) {
      it(`counts a beforeHandle that ${how} as the handler's fault, and keeps nothing from the others`, async () => {
        const notes: string[] = [];
        const { channel } = channelTo(
          [taking("one", notes), taking("two", notes)],
          around("a", notes),
          around("b", notes, {
            beforeHandle: (message, _channel, handler) => (handler.name === "one" ? raised() : message),
          }),
        );

        const error = await rejection(channel.send(hello));

        expect(error).to.be.instanceOf(MessageDeliveryError);
        expect(error.message).to.equal("testChannel could not send a message: too early");
        expect(notes).to.include("two hello").and.not.include("one hello");
        expect(notes.filter((note) => note.includes("afterMessageHandled one"))).to.deep.equal([
          `a.afterMessageHandled one ${error.message}`,
        ]);
      });
    }

    it("names the interceptor whose beforeHandle returns nothing", async () => {
      class Forgetful {
        beforeHandle() {}
      }
      const { channel } = channelTo([taking("one", [])], new Forgetful() as unknown as ChannelInterceptor);

      expect((await rejection(channel.send(hello))).message).to.include(
        "beforeHandle of Forgetful returned undefined: return the message, or null to stop it",
      );
    });

    for (const [how, handle] of [
      ["threw", () => raise(new Error("broken"))],
      ["rejected", () => Promise.reject(new Error("broken"))],
    ] as const) {
      it(`tells afterMessageHandled of a handler that ${how}`, async () => {
        const notes: string[] = [];
        const { channel } = channelTo([{ name: "one", handle }], around("a", notes));

        const error = await rejection(channel.send(hello));

        expect(error.message).to.equal("testChannel could not send a message: broken");
        expect(notes).to.deep.equal([
          "a.beforeHandle one",
          "a.afterMessageHandled one testChannel could not send a message: broken",
        ]);
      });
    }

    it("only logs a throw in afterMessageHandled, and runs the others", async () => {
      const notes: string[] = [];
      const { channel, logger } = channelTo(
        [taking("one", notes)],
        around("a", notes),
        around("b", notes, { afterMessageHandled: () => raise(new Error("too late")) }),
        around("c", notes, { afterMessageHandled: () => Promise.reject(new Error("later still")) }),
      );

      expect(await channel.send(hello)).to.equal(true);
      expect(notes.at(-1)).to.equal("a.afterMessageHandled one -");
      expect(logger.lines).to.deep.equal([
        "error afterMessageHandled failed on testChannel Error: later still",
        "error afterMessageHandled failed on testChannel Error: too late",
      ]);
    });

    it("asks an interceptor without beforeHandle only afterwards", async () => {
      const notes: string[] = [];
      const { channel } = channelTo([taking("one", notes)], {
        afterMessageHandled: (_message, _channel, handler) => void notes.push(`after ${handler.name}`),
      });

      await channel.send(hello);

      expect(notes).to.deep.equal(["one hello", "after one"]);
    });
  });

  describe("that says when it has handed on a message", () => {
    it("says so once every handler has got it, before they are done", async () => {
      const steps: string[] = [];
      const channel = new SubscribableChannel("testChannel", {
        logger: recordingLogger(),
        interceptors: [
          {
            preSend: (message) => withHeaders(message, { destination: "/changed" }),
            beforeHandle: async (message, _channel, handler) => {
              if (handler.name === "slow") await settled();
              return message;
            },
          },
        ],
      });
      for (const name of ["slow", "quick"]) {
        const handle = async () => {
          steps.push(`${name} got it`);
          await settled();
          steps.push(`${name} is done`);
        };
        channel.subscribe({ name, handle });
      }

      await channel.send(hello, ({ headers }) => void steps.push(`handed on ${headers.destination}`));

      expect(steps.indexOf("handed on /changed")).to.equal(steps.indexOf("slow got it") + 1);
      expect(steps.indexOf("handed on /changed")).to.be.lessThan(steps.indexOf("slow is done"));
    });

    for (const [what, interceptor] of [
      ["an interceptor stopped", { preSend: () => null }],
      ["beforeHandle refused", { beforeHandle: () => raise(new Error("no")) }],
    ] as const) {
      it(`says nothing of a message that ${what}`, async () => {
        let told = false;
        const { channel } = channelWith(interceptor);

        await Promise.allSettled([
          channel.send(hello, () => {
            told = true;
          }),
        ]);

        expect(told).to.equal(false);
      });
    }
  });

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
      const first = rejection(send("a"));
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
      expect(notes).to.deep.equal(["preSend a", "preSend b", "beforeHandle a"]);

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
