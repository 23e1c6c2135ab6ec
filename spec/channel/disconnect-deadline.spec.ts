import { expect } from "chai";
import type { ChannelInterceptor, Message, MessagingEvents } from "express-stomp";
import { RawClient } from "../support/raw-client.js";
import { startServer, type TestServer } from "../support/server.js";

/** Never settles at a DISCONNECT; `nothing` is what it gives of other messages. */
function stuckAt<T>({ headers }: Message, nothing: T): T | Promise<never> {
  return headers.messageType === "DISCONNECT" ? new Promise<never>(() => {}) : nothing;
}

class StuckBefore implements ChannelInterceptor {
  preSend(message: Message) {
    return stuckAt(message, message);
  }
}

class StuckAround implements ChannelInterceptor {
  beforeHandle(message: Message) {
    return stuckAt(message, message);
  }
}

class StuckBehind implements ChannelInterceptor {
  afterMessageHandled(message: Message) {
    return stuckAt(message, undefined);
  }
}

class StuckAfter implements ChannelInterceptor {
  postSend(message: Message) {
    return stuckAt(message, undefined);
  }
}

class StuckAtLast implements ChannelInterceptor {
  afterSendCompletion(message: Message) {
    return stuckAt(message, undefined);
  }
}

const INTERCEPTORS = [
  ["preSend of StuckBefore", new StuckBefore()],
  ["beforeHandle of StuckAround", new StuckAround()],
  ["afterMessageHandled of StuckBehind", new StuckBehind()],
  ["postSend of StuckAfter", new StuckAfter()],
  ["afterSendCompletion of StuckAtLast", new StuckAtLast()],
] as const;

describe("A DISCONNECT that somebody never is done with", () => {
  let server: TestServer;
  let client: RawClient;
  let ended: Promise<MessagingEvents["disconnect"]>;
  let ends: number;
  const deliveries: string[] = [];

  async function start(...interceptors: ChannelInterceptor[]) {
    server = await startServer({ handlerTimeout: 10, clientInboundChannel: { interceptors } });
    const { messaging } = server;
    deliveries.length = 0;
    messaging.clientOutboundChannel.subscribe({
      handle: ({ headers }) => void deliveries.push(headers.messageType),
    });
    ends = 0;
    ended = new Promise((resolve) => {
      messaging.on("disconnect", (event) => {
        ends++;
        resolve(event);
      });
    });
    client = await RawClient.connect(server.port);
    client.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
    await client.synchronize();
  }

  /** That nothing of the session is left, and the log says who was stuck. */
  async function expectGone(who: string) {
    await server.messaging.template.convertAndSend("/topic/a", "x");
    expect(deliveries).to.deep.equal(["CONNECT_ACK"]);
    expect([ends, server.messaging.stats().connections]).to.deep.equal([1, 0]);
    expect(server.log.join("\n")).to.include(`HandlerTimeoutError: ${who} did not settle within 10 ms`);
  }

  afterEach(async () => {
    client.cut();
    await server.close();
  });

  for (const [who, interceptor] of INTERCEPTORS) {
    it(`ends the session of a client that broke off, though ${who} hangs`, async () => {
      await start(interceptor);

      client.cut();
      await ended;

      await expectGone(who);
    });

    it(`confirms it to a client that sent it, though ${who} hangs`, async () => {
      await start(interceptor);

      client.send("DISCONNECT\nreceipt:r\n\n^@");

      expect(await client.frame()).to.equal("RECEIPT\nreceipt-id:r\n\n^@");
      expect(await client.closed()).to.equal(1000);
      await ended;
      await expectGone(who);
    });
  }

  it("ends the session of a client that broke off, though a handler hangs", async () => {
    await start();
    server.messaging.clientInboundChannel.subscribe({
      name: "stuck",
      handle: (message) => stuckAt(message, undefined),
    });

    client.cut();
    await ended;

    await expectGone("handle of stuck");
  });

  it("refuses the receipt to a client that sent it, when a handler hangs: it would be a lie", async () => {
    await start();
    server.messaging.clientInboundChannel.subscribe({
      name: "stuck",
      handle: (message) => stuckAt(message, undefined),
    });

    client.send("DISCONNECT\nreceipt:r\n\n^@");

    expect(await client.frame()).to.match(/^ERROR\nmessage:The frame could not be processed\nreceipt-id:r\n/);
    expect(await client.closed()).to.equal(1002);
    await ended;
    await expectGone("handle of stuck");
  });

  it("logs what was thrown too late", async () => {
    let fail = (_error: Error) => {};
    await start({
      preSend: ({ headers }) =>
        headers.messageType === "DISCONNECT"
          ? new Promise((_, reject) => {
              fail = reject;
            })
          : ({ headers } as Message),
    });
    client.cut();
    const { sessionId } = await ended;

    fail(new Error("late"));
    await new Promise(setImmediate);

    expect(server.log.at(-1)).to.equal(
      `warn preSend of Object failed too late for the DISCONNECT of session ${sessionId} Error: late`,
    );
  });
});
