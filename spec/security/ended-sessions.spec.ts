import { expect } from "chai";
import {
  Authorize,
  bearerToken,
  type ChannelInterceptor,
  Controller,
  MessageMapping,
  messageSecurity,
  Payload,
  type StompMessagingOptions,
} from "express-stomp";
import { RawClient } from "../support/raw-client.js";
import { startServer, type TestServer } from "../support/server.js";

/** Something that is asked, and answers when the spec says so. */
class Question {
  #tellAsked: () => void = () => {};
  #answer: () => void = () => {};
  readonly asked = new Promise<void>((resolve) => {
    this.#tellAsked = resolve;
  });
  readonly #answered = new Promise<void>((resolve) => {
    this.#answer = resolve;
  });

  async ask(): Promise<true> {
    this.#tellAsked();
    await this.#answered;
    return true;
  }

  answer(): void {
    this.#answer();
  }
}

describe("Nothing begins for a session that was ended", () => {
  let server: TestServer;
  let question: Question;
  let ran: string[];
  let client: RawClient;
  const tokens = bearerToken({ verify: () => ({ user: { name: "rod" } }) });

  @Controller()
  class Works {
    @MessageMapping("/guarded")
    @Authorize(() => question.ask())
    guarded() {
      ran.push("guarded");
    }

    @MessageMapping("/plain")
    plain() {
      ran.push("plain");
    }

    @MessageMapping("/validated")
    validated(@Payload(schema()) _payload: unknown) {
      ran.push("validated");
    }
  }

  /** Any payload is valid, after a while. */
  function schema() {
    return {
      "~standard": {
        version: 1 as const,
        vendor: "spec",
        validate: async (value: unknown) => {
          await question.ask();
          return { value };
        },
      },
    };
  }

  beforeEach(() => {
    question = new Question();
    ran = [];
  });

  afterEach(async () => {
    client.cut();
    await server.close();
  });

  async function start(options: Partial<StompMessagingOptions> = {}) {
    server = await startServer({
      controllers: [Works],
      ...options,
      clientInboundChannel: {
        ...options.clientInboundChannel,
        interceptors: [tokens, ...(options.clientInboundChannel?.interceptors ?? [])],
      },
    });
    server.messaging.clientInboundChannel.subscribe({
      handle({ headers }) {
        if (headers.messageType === "MESSAGE") ran.push(`handed on ${headers.destination}`);
      },
    });
    client = await RawClient.connect(server.port, "Authorization:Bearer x\n");
  }

  /** The last thing a session does: DISCONNECT comes when nothing of it is at work any more. */
  function over(): Promise<void> {
    return new Promise((resolve) => {
      server.messaging.on("disconnect", () => resolve());
    });
  }

  const ends: Record<string, () => unknown> = {
    "its token is revoked": () => tokens.revoke({ user: "rod" }),
    "it is disconnected": () => server.messaging.disconnect({ user: "rod" }),
  };

  const asking = (when: (destination: string | undefined) => boolean): ChannelInterceptor => ({
    async preSend(message) {
      if (when(message.headers.destination)) await question.ask();
      return message;
    },
  });

  const ways: [what: string, destination: string, options: () => Partial<StompMessagingOptions>][] = [
    ["@Authorize", "/app/guarded", () => ({})],
    ["the validation of a payload", "/app/validated", () => ({})],
    [
      "a rule",
      "/app/plain",
      () => ({
        security: messageSecurity((messages) =>
          messages
            .simpMessageDestMatchers("/app/plain")
            .access(() => question.ask())
            .anyMessage()
            .permitAll(),
        ),
      }),
    ],
    [
      "an interceptor",
      "/app/plain",
      () => ({ clientInboundChannel: { interceptors: [asking((to) => to === "/app/plain")] } }),
    ],
    [
      "beforeHandle",
      "/app/plain",
      () => ({
        clientInboundChannel: {
          interceptors: [
            {
              async beforeHandle(message) {
                if (message.headers.destination === "/app/plain") await question.ask();
                return message;
              },
            },
          ],
        },
      }),
    ],
  ];
  for (const [why, end] of Object.entries(ends)) {
    for (const [what, destination, options] of ways) {
      it(`when ${why} while ${what} is asked`, async () => {
        await start(options());
        const gone = over();
        client.send(`SEND\ndestination:${destination}\n\n{}^@SEND\ndestination:/app/plain\n\nbehind^@`);
        await question.asked;
        expect(Number(end())).to.equal(1);
        expect(await client.frame()).to.include("ERROR\n");
        question.answer();
        await gone;
        expect(ran.filter((name) => !name.startsWith("handed on"))).to.deep.equal([]);
        if (destination === "/app/plain") expect(ran).to.deep.equal([]);
      });
    }
  }

  it("when it waits for concurrency", async () => {
    await start({ clientInboundChannel: { concurrency: 1 } });
    const other = await RawClient.connect(server.port, "Authorization:Bearer x\n");
    other.send("SEND\ndestination:/app/guarded\n\n^@");
    await question.asked;
    const gone = over();
    const received = server.messaging.stats().framesReceived;
    client.send("SEND\ndestination:/app/plain\n\n^@");
    while (server.messaging.stats().framesReceived === received) await new Promise(setImmediate);
    expect(tokens.revoke({ user: "rod" })).to.equal(2);
    question.answer();
    await gone;
    expect(ran.filter((name) => name.includes("plain"))).to.deep.equal([]);
    other.cut();
  });

  it("when its client has left before its token was revoked", async () => {
    await start();
    const gone = over();
    client.send("SEND\ndestination:/app/guarded\n\n^@SEND\ndestination:/app/plain\n\nbehind^@");
    await question.asked;
    client.cut();
    while (server.messaging.userRegistry.getUserCount() > 0) await new Promise(setImmediate);
    expect(tokens.revoke({ user: "rod" })).to.equal(1);
    question.answer();
    await gone;
    expect(ran).to.deep.equal(["handed on /app/guarded"]);
    expect(tokens.revoke({ user: "rod" })).to.equal(0);
  });

  it("but all that a client has sent before it left by itself", async () => {
    await start();
    const gone = over();
    client.send("SEND\ndestination:/app/guarded\n\n^@SEND\ndestination:/app/plain\n\nbehind^@");
    await question.asked;
    client.cut();
    question.answer();
    await gone;
    expect(ran.filter((name) => !name.startsWith("handed on"))).to.deep.equal(["guarded", "plain"]);
  });
});
