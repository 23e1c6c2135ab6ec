import { expect } from "chai";
import {
  AccessDeniedError,
  ConfigurationError,
  Controller,
  type ErrorReply,
  type Message,
  MessageMapping,
  type StompMessagingOptions,
  type StompSubProtocolErrorHandler,
  stompMessaging,
} from "express-stomp";
import { RawClient } from "../support/raw-client.js";
import { startServer, type TestServer } from "../support/server.js";

@Controller()
class Failing {
  @MessageMapping("/refuse")
  refuse() {
    throw new AccessDeniedError("Not now", { publicHeaders: { "retry-after": "30" } });
  }

  @MessageMapping("/fail")
  fail() {
    throw new Error("secret of the server");
  }
}

describe("ERROR", () => {
  let server: TestServer;
  let client: RawClient;

  async function start(options: Partial<StompMessagingOptions> = {}, headers?: string) {
    server = await startServer({ controllers: [Failing], ...options });
    client = await RawClient.connect(server.port, headers);
  }

  function refusing(error: unknown): Partial<StompMessagingOptions> {
    return {
      clientInboundChannel: {
        interceptors: [
          {
            preSend(message) {
              if (message.headers.messageType === "MESSAGE") throw error;
              return message;
            },
          },
        ],
      },
    };
  }

  const deciding = (
    handleClientMessageProcessingError: StompSubProtocolErrorHandler["handleClientMessageProcessingError"],
  ) => ({ errorHandler: { handleClientMessageProcessingError } });

  afterEach(async () => {
    client?.cut();
    await server.close();
  });

  describe("of a refusal with headers of its own", () => {
    it("carries them behind ours", async () => {
      await start(
        refusing(
          new AccessDeniedError("Token expired", { publicHeaders: { code: "TOKEN_EXPIRED", 한글: "a:b\n" } }),
        ),
      );

      client.send("SEND\ndestination:/topic/a\nreceipt:7\n\n^@");

      expect(await client.frame()).to.equal(
        "ERROR\nmessage:Token expired\nreceipt-id:7\ncode:TOKEN_EXPIRED\n한글:a\\cb\\n\nretry:never\ncontent-length:0\n\n^@",
      );
      expect(await client.closed()).to.equal(1002);
    });

    it("says itself what is ours to say", async () => {
      const publicHeaders = {
        message: "x",
        "receipt-id": "9",
        version: "3",
        "content-length": "99",
        "content-type": "a",
        retry: "now",
      };
      await start(refusing(new AccessDeniedError("No", { publicHeaders })));

      client.send("SEND\ndestination:/topic/a\nreceipt:7\n\n^@");

      expect(await client.frame()).to.equal(
        "ERROR\nmessage:No\nreceipt-id:7\nretry:never\ncontent-length:0\n\n^@",
      );
    });

    it("carries them for a controller's refusal too", async () => {
      await start();

      client.send("SEND\ndestination:/app/refuse\nreceipt:7\n\n^@");

      expect(await client.frame()).to.equal(
        "ERROR\nmessage:Not now\nreceipt-id:7\nretry-after:30\nretry:never\ncontent-length:0\n\n^@",
      );
    });

    it("does without them when they cannot be written", async () => {
      const publicHeaders = { bad: Object.create(null) as string };
      await start(refusing(new AccessDeniedError("No", { publicHeaders })));

      client.send("SEND\ndestination:/topic/a\n\n^@");

      expect(await client.frame()).to.equal(
        "ERROR\nmessage:The frame could not be processed\nretry:never\ncontent-length:0\n\n^@",
      );
      expect(await client.closed()).to.equal(1002);
    });
  });

  describe("decided by an errorHandler", () => {
    it("says what it says, with headers and a body", async () => {
      const asked: [Message | undefined, string, ErrorReply][] = [];
      await start(
        deciding((message, error, reply) => {
          asked.push([message, (error.cause as Error).message, reply]);
          return {
            message: "Something went wrong",
            headers: { "error-id": "e-1" },
            body: '{"see":"e-1"}',
            contentType: "application/json",
            retry: 30_000,
          };
        }),
      );

      client.send("SEND\ndestination:/app/fail\nreceipt:7\n\nx^@");

      expect(await client.frame()).to.equal(
        "ERROR\nmessage:Something went wrong\nreceipt-id:7\ncontent-type:application/json\nerror-id:e-1\n" +
          'retry:30000\ncontent-length:13\n\n{"see":"e-1"}^@',
      );
      expect(await client.closed()).to.equal(1002);
      const [message, cause, { retry, ...reply } = {}] = asked[0] ?? [];
      expect(message?.headers.destination).to.equal("/app/fail");
      expect(cause).to.equal("secret of the server");
      expect(retry).to.be.within(5_000, 9_999);
      expect(reply).to.deep.equal({ message: "The frame could not be processed", headers: undefined });
    });

    for (const [what, body, contentType] of [
      ["text", "why", "text/plain;charset=UTF-8"],
      ["bytes", Buffer.from("why"), "application/octet-stream"],
    ] as const) {
      it(`names the content type of a body of ${what}`, async () => {
        await start({
          ...refusing(new Error()),
          ...deciding((_message, _error, reply) => ({ ...reply, body, retry: "now" })),
        });

        client.send("SEND\ndestination:/topic/a\n\n^@");

        expect(await client.frame()).to.equal(
          `ERROR\nmessage:The frame could not be processed\ncontent-type:${contentType}\n` +
            "retry:now\ncontent-length:3\n\nwhy^@",
        );
      });
    }

    it("adds to what is public by itself", async () => {
      await start({
        ...refusing(new AccessDeniedError("Token expired", { publicHeaders: { code: "T" } })),
        ...deciding((_message, _error, reply) => ({ ...reply, headers: { ...reply.headers, more: "1" } })),
      });

      client.send("SEND\ndestination:/topic/a\n\n^@");

      expect(await client.frame()).to.equal(
        "ERROR\nmessage:Token expired\ncode:T\nmore:1\nretry:never\ncontent-length:0\n\n^@",
      );
    });

    it("is asked about what was no frame, without a message", async () => {
      const asked: (Message | undefined)[] = [];
      await start(
        deciding((message, error) => {
          asked.push(message);
          return { message: `Sorry: ${error.message}` };
        }),
      );

      client.send("NONSENSE\n\n^@");

      expect(await client.frame()).to.match(/^ERROR\nmessage:Sorry\\c .*\n/);
      expect(asked).to.deep.equal([undefined]);
    });

    it("is one line of 200 characters at most", async () => {
      await start(deciding(() => ({ message: `${"x".repeat(300)}\nat somewhere` })));

      client.send("NONSENSE\n\n^@");

      expect(await client.frame()).to.equal(
        `ERROR\nmessage:${"x".repeat(200)}…\nretry:never\ncontent-length:0\n\n^@`,
      );
    });

    for (const [what, handle] of [
      ["throws", () => raise()],
      ["answers with a promise", () => Promise.reject(new Error("async")) as never],
      ["answers without a message", () => ({}) as never],
      ["answers with a body that is neither text nor bytes", () => ({ message: "x", body: {} }) as never],
      ["answers with a time to retry that is none", () => ({ message: "x", retry: -1 })],
      ["does not decide", () => undefined],
    ] as const) {
      it(`is what it would be without one that ${what}`, async () => {
        const refusal = new AccessDeniedError("Token expired", { publicHeaders: { code: "T" } });
        await start({ ...refusing(refusal), ...deciding(handle) });

        client.send("SEND\ndestination:/topic/a\n\n^@");

        expect(await client.frame()).to.equal(
          "ERROR\nmessage:Token expired\ncode:T\nretry:never\ncontent-length:0\n\n^@",
        );
        expect(await client.closed()).to.equal(1002);
        const logged = server.log.filter((line) => line.startsWith("error ERROR could not be written"));
        expect(logged.length).to.equal(what === "does not decide" ? 0 : 1);
      });
    }
  });

  it("is decided by an object with the method, or the start fails", async () => {
    await start();
    expect(() =>
      stompMessaging({ endpoints: [{ path: "/ws" }], errorHandler: (() => undefined) as never }),
    ).to.throw(ConfigurationError, "errorHandler has no method handleClientMessageProcessingError");
  });
});

function raise(): never {
  throw new Error("the handler's own");
}
