import { expect } from "chai";
import { AccessDeniedError, type ChannelInterceptor, MessageDeliveryError, withHeaders } from "express-stomp";
import { channelWith, hello, noting, rejection } from "../support/channels.js";
import { settled } from "../support/recording.js";

describe("SubscribableChannel", () => {
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

      const error = await rejection(() => channel.send(hello));

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

      expect(await rejection(() => channel.send(hello))).to.equal(refusal);
    });

    it("names the interceptor whose preSend returns nothing", async () => {
      class Forgetful {
        preSend() {}
      }
      const { channel } = channelWith(new Forgetful() as unknown as ChannelInterceptor);

      expect((await rejection(() => channel.send(hello))).message).to.include(
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

      expect((await rejection(() => channel.send(hello))).message).to.include("late");
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
});
