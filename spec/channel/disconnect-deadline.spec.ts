import { expect } from "chai";
import type { ChannelInterceptor, Message, MessagingEvents } from "express-stomp";
import { INTERCEPTOR_HOOKS } from "#lib/channel/interceptor.js";
import { RawClient } from "../support/raw-client.js";
import { startServer, type TestServer } from "../support/server.js";

/** At a DISCONNECT one hook never settles. */
class Stuck implements ChannelInterceptor {
  constructor(hook: Exclude<keyof ChannelInterceptor, "description">) {
    Object.assign(this, { [hook]: stuck });
  }
}

function stuck(message: Message): Message | Promise<never> {
  return message.headers.messageType === "DISCONNECT" ? new Promise<never>(() => {}) : message;
}

describe("A DISCONNECT that somebody never is done with", () => {
  let server: TestServer;
  let client: RawClient;
  let ended: Promise<MessagingEvents["disconnect"]>;
  let ends: number;
  const deliveries: string[] = [];

  async function start(interceptors: readonly ChannelInterceptor[] = [], concurrency?: number) {
    server = await startServer({ handlerTimeout: 10, clientInboundChannel: { interceptors, concurrency } });
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

  for (const hook of INTERCEPTOR_HOOKS) {
    const who = `${hook} of Stuck`;

    it(`ends the session of a client that broke off, though ${who} hangs`, async () => {
      await start([new Stuck(hook)]);

      client.cut();
      await ended;

      await expectGone(who);
    });

    it(`confirms it to a client that sent it, though ${who} hangs`, async () => {
      await start([new Stuck(hook)]);

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
      handle: async (message) => void (await stuck(message)),
    });

    client.cut();
    await ended;

    await expectGone("handle of stuck");
  });

  it("refuses the receipt to a client that sent it, when a handler hangs: it would be a lie", async () => {
    await start();
    server.messaging.clientInboundChannel.subscribe({
      name: "stuck",
      handle: async (message) => void (await stuck(message)),
    });

    client.send("DISCONNECT\nreceipt:r\n\n^@");

    expect(await client.frame()).to.match(/^ERROR\nmessage:The frame could not be processed\nreceipt-id:r\n/);
    expect(await client.closed()).to.equal(1002);
    await ended;
    await expectGone("handle of stuck");
  });

  it("ends the session of a client that broke off, though all of concurrency's places are taken for ever", async () => {
    await start([], 1);
    const taken = new Promise<void>((resolve) => {
      server.messaging.clientInboundChannel.subscribe({
        name: "stuck",
        handle({ headers }) {
          if (headers.messageType !== "MESSAGE") return;
          resolve();
          return new Promise(() => {});
        },
      });
    });
    const other = await RawClient.connect(server.port);
    other.send("SEND\ndestination:/app/a\n\nx^@");
    await taken;

    client.cut();
    await ended;

    expect(server.messaging.stats().connections).to.equal(1);
    expect(server.log.join("\n")).to.include(
      "HandlerTimeoutError: concurrency of clientInboundChannel did not settle within 10 ms",
    );
    other.cut();
  });

  it("logs what was thrown too late", async () => {
    let fail = (_error: Error) => {};
    const failing: ChannelInterceptor = {
      preSend(message) {
        if (message.headers.messageType !== "DISCONNECT") return message;
        return new Promise((_, reject) => {
          fail = reject;
        });
      },
    };
    await start([failing]);
    client.cut();
    const { sessionId } = await ended;

    fail(new Error("late"));
    await new Promise(setImmediate);

    expect(server.log.at(-1)).to.equal(
      `warn preSend of Object failed too late for the DISCONNECT of session ${sessionId} Error: late`,
    );
  });
});
