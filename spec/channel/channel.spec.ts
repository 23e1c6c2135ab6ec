import { expect } from "chai";
import {
  AccessDeniedError,
  type ChannelInterceptor,
  createMessage,
  type Message,
  MessageDeliveryError,
  SubscribableChannel,
  withHeaders,
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
