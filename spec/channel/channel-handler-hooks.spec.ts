import { expect } from "chai";
import {
  type ChannelInterceptor,
  type Message,
  MessageDeliveryError,
  type MessageHandler,
  SubscribableChannel,
  withPayload,
} from "express-stomp";
import { hello, noting, raise, rejection, text } from "../support/channels.js";
import { recordingLogger, settled } from "../support/recording.js";

describe("SubscribableChannel", () => {
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

        const error = await rejection(() => channel.send(hello));

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

      expect((await rejection(() => channel.send(hello))).message).to.include(
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

        const error = await rejection(() => channel.send(hello));

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
});
