import { expect } from "chai";
import { type ChannelInterceptor, type Message, type MessageHandler, withHeaders } from "express-stomp";
import { SecurityStage, staffRules } from "../support/security-stage.js";

/** Gives one handler of every SUBSCRIBE and SEND to `/topic/a` something else. */
function redirecting(
  name: string,
  change: (message: Message) => Message | Promise<Message>,
): ChannelInterceptor {
  return {
    beforeHandle(message, _channel, handler: MessageHandler) {
      return handler.name === name && message.headers.destination === "/topic/a" ? change(message) : message;
    },
  };
}

const toStaff = (message: Message) => withHeaders(message, { destination: "/topic/staff" });
const later = async (message: Message) => {
  await new Promise(setImmediate);
  return toStaff(message);
};

describe("What is handled is what the rules have judged", () => {
  const stage = new SecurityStage();

  afterEach(() => stage.close());

  for (const [when, change] of [
    ["at once", toStaff],
    ["later", later],
  ] as const) {
    for (const head of ["SUBSCRIBE\nid:1", "SEND"]) {
      it(`when beforeHandle makes something else of a ${head.split("\n")[0]}, ${when}`, async () => {
        const interceptors = [redirecting("broker", change)];
        await stage.start(staffRules, {}, { clientInboundChannel: { interceptors } });
        const [rod, ann] = [await stage.connect("rod"), await stage.connect("ann")];
        ann.send("SUBSCRIBE\nid:s\ndestination:/topic/staff\n\n^@");
        await ann.synchronize();

        rod.send(`${head}\ndestination:/topic/a\n\n^@`);
        expect(await rod.frame()).to.match(
          /^ERROR\nmessage:Access denied\\c (SEND|SUBSCRIBE) \/topic\/staff\n/,
        );
        expect(stage.denials.map(({ message }) => message.headers.destination)).to.deep.equal([
          "/topic/staff",
        ]);
        expect(await ann.synchronize()).to.deep.equal([]);
      });

      it(`and passes where the rules let it, ${head.split("\n")[0]}, ${when}`, async () => {
        const interceptors = [redirecting("broker", change)];
        await stage.start(staffRules, {}, { clientInboundChannel: { interceptors } });
        const ann = await stage.connect("ann");
        ann.send(
          `SUBSCRIBE\nid:s\ndestination:/topic/staff\n\n^@${head}\ndestination:/topic/a\nreceipt:r\n\n^@`,
        );
        const frames = [await ann.frame(), ...(await ann.synchronize())].map((frame) => String(frame));
        expect(frames.filter((frame) => frame.startsWith("MESSAGE"))).to.have.length(head === "SEND" ? 1 : 0);
        expect(frames.some((frame) => frame.includes("receipt-id:r"))).to.equal(true);
      });
    }
  }

  it("when it is dropped, and the session goes on", async () => {
    const interceptors = [redirecting("broker", toStaff)];
    await stage.start(staffRules, { onDenied: "drop" }, { clientInboundChannel: { interceptors } });
    const rod = await stage.connect("rod");
    rod.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
    expect(await rod.synchronize()).to.deep.equal([]);
    await stage.server.messaging.template.convertAndSend("/topic/staff", "hush");
    expect(await rod.synchronize()).to.deep.equal([]);
  });

  it("when another user is put in", async () => {
    const interceptors: ChannelInterceptor[] = [
      {
        beforeHandle: (message) =>
          message.headers.messageType === "MESSAGE" || message.headers.destination === "/topic/staff"
            ? withHeaders(message, { user: undefined })
            : message,
      },
    ];
    await stage.start(staffRules, {}, { clientInboundChannel: { interceptors } });
    const ann = await stage.connect("ann");
    ann.send("SUBSCRIBE\nid:1\ndestination:/topic/staff\n\n^@");
    expect(await ann.frame()).to.include("ERROR\nmessage:Access denied\\c SUBSCRIBE /topic/staff\n");
  });

  it("by interceptors that were added later, too", async () => {
    await stage.start(staffRules);
    const { clientInboundChannel } = stage.server.messaging;
    clientInboundChannel.addInterceptor({
      preSend: (message) => (message.headers.destination === "/topic/a" ? toStaff(message) : message),
    });
    clientInboundChannel.addInterceptor(redirecting("broker", toStaff));
    const rod = await stage.connect("rod");
    rod.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
    expect(await rod.frame()).to.include("ERROR\nmessage:Access denied\\c SUBSCRIBE /topic/staff\n");
  });

  it("and ends what beforeHandle has subscribed to when rights change meanwhile", async () => {
    let passed: () => void = () => {};
    const waiting = new Promise<void>((resolve) => {
      passed = resolve;
    });
    let go: () => void = () => {};
    const gone = new Promise<void>((resolve) => {
      go = resolve;
    });
    const holding: ChannelInterceptor = {
      async beforeHandle(message) {
        if (message.headers.messageType === "SUBSCRIBE") {
          passed();
          await gone;
        }
        return message;
      },
    };
    await stage.start(staffRules, {}, { clientInboundChannel: { interceptors: [holding] } });
    const ann = await stage.connect("ann");
    ann.send("SUBSCRIBE\nid:1\ndestination:/topic/staff\nreceipt:r\n\n^@");
    await waiting;
    stage.people.get("ann")?.roles.clear();
    expect(await stage.server.messaging.recheck({ user: "ann" })).to.equal(0);
    go();

    expect(await ann.frame()).to.include("\nunsubscribed:Access denied\\c SUBSCRIBE /topic/staff\n");
    expect(await ann.frame()).to.include("receipt-id:r\n");
    expect(stage.server.messaging.userRegistry.findSubscriptions(() => true)).to.deep.equal([]);
  });
});
