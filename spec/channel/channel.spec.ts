import { expect } from "chai";
import {
  AccessDeniedError,
  type Message,
  MessageDeliveryError,
  SubscribableChannel,
  withHeaders,
} from "express-stomp";
import { channelWith, hello, raise, rejection, text } from "../support/channels.js";
import { recordingLogger, settled } from "../support/recording.js";

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

      expect(await rejection(() => channel.send(hello))).to.be.instanceOf(AccessDeniedError);
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

  it("keeps a message from no handler when one before it removes itself", () => {
    const { channel, handled } = channelWith();
    const taken: string[] = [];
    const remove = channel.subscribe({
      handle(message) {
        taken.push(text(message));
        remove();
      },
    });
    const more: Message[] = [];
    channel.subscribe({ handle: (message) => void more.push(message) });

    void channel.send(hello);
    void channel.send(hello);

    expect([handled.length, taken.length, more.length]).to.deep.equal([2, 1, 2]);
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

      await channel.carry(hello, ({ headers }) => void steps.push(`handed on ${headers.destination}`));

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

        await Promise.resolve()
          .then(() =>
            channel.carry(hello, () => {
              told = true;
            }),
          )
          .catch(() => {});

        expect(told).to.equal(false);
      });
    }
  });
});
