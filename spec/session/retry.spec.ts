import { expect } from "chai";
import {
  AccessDeniedError,
  BrokerNotAvailableError,
  Controller,
  type Message,
  MessageConversionError,
  MessageDeliveryError,
  MessageMapping,
  MethodArgumentNotValidError,
  SessionGrant,
  type StompMessagingOptions,
  simpleBroker,
  withHeaders,
} from "express-stomp";
import { FakeTime } from "../support/fake-time.js";
import { RawClient } from "../support/raw-client.js";
import { startServer, type TestServer } from "../support/server.js";
import { post } from "../support/sockjs-http.js";

const SOON = /^[5-9]\d{3}$/;

@Controller()
class Failing {
  static thrown: Error;

  @MessageMapping("/fail")
  fail() {
    throw Failing.thrown;
  }
}

const refusingConnect = (error: Error): Partial<StompMessagingOptions> => ({
  clientInboundChannel: {
    interceptors: [
      {
        preSend(message) {
          if (message.headers.messageType === "CONNECT") throw error;
          return message;
        },
      },
    ],
  },
});

/** What the header `retry` of an ERROR frame says. */
function retryOf(frame: string): string | undefined {
  expect(frame).to.match(/^ERROR\n/);
  return /^retry:(.*)$/m.exec(frame)?.[1];
}

describe("The header retry of ERROR", () => {
  let server: TestServer;

  afterEach(() => server.close());

  for (const version of ["1.0", "1.1", "1.2"]) {
    it(`is in ERROR of STOMP ${version}`, async () => {
      server = await startServer();
      const client = await RawClient.open(server.port);
      client.send(`CONNECT\naccept-version:${version}\nhost:spec\n\n^@`);
      await client.frame();
      client.send("SEND\n\nx^@");
      expect(retryOf(await client.frame())).to.equal("never");
    });
  }

  describe("is never", () => {
    for (const [what, frames] of [
      ["of what is no frame", "NONSENSE\n\n^@"],
      ["of a frame before CONNECT", "SEND\ndestination:/topic/a\n\n^@"],
      ["without a version in common", "CONNECT\naccept-version:3.0\nhost:spec\n\n^@"],
      ["of a frame that passes a limit", `CONNECT\nlong:${"x".repeat(20_000)}\n\n^@`],
    ] as const) {
      it(what, async () => {
        server = await startServer();
        const client = await RawClient.open(server.port);
        client.send(frames);
        expect(retryOf(await client.frame())).to.equal("never");
      });
    }

    for (const [what, frame] of [
      ["for what nobody serves", "SUBSCRIBE\nid:1\ndestination:/nowhere\n\n^@"],
      ["of an unknown acknowledgement", "ACK\nid:9\n\n^@"],
      ["of a SEND to users", "SEND\ndestination:/user/rod/queue/a\n\n^@"],
    ] as const) {
      it(what, async () => {
        server = await startServer();
        const client = await RawClient.connect(server.port);
        client.send(frame);
        expect(retryOf(await client.frame())).to.equal("never");
      });
    }

    it("when the application ends a session", async () => {
      server = await startServer({ endpoints: [{ path: "/ws", user: () => ({ name: "rod" }) }] });
      const client = await RawClient.connect(server.port);
      server.messaging.disconnect({ user: "rod" }, "Your account is closed");
      expect(retryOf(await client.frame())).to.equal("never");
    });
  });

  for (const [what, error, expected] of [
    ["a payload that does not convert", new MessageConversionError("x"), /^never$/],
    ["a payload that is not valid", new MethodArgumentNotValidError([{ path: [], message: "x" }]), /^never$/],
    ["a refusal", new AccessDeniedError("x"), /^never$/],
    ["a refusal that knows when", new AccessDeniedError("x", { retry: 30_000 }), /^30000$/],
    ["an unknown fault", new Error("x"), SOON],
    ["a delivery that failed in the server", new MessageDeliveryError("x"), SOON],
    ["a broker that is away", new BrokerNotAvailableError("x"), SOON],
  ] as const) {
    it(`tells of ${what} in a controller what is known`, async () => {
      server = await startServer({ controllers: [Failing] });
      const client = await RawClient.connect(server.port);
      Failing.thrown = error;
      client.send("SEND\ndestination:/app/fail\nreceipt:1\n\n^@");
      expect(retryOf(await client.frame())).to.match(expected);
    });

    it(`tells of ${what} at CONNECT what is known`, async () => {
      server = await startServer(refusingConnect(error));
      const client = await RawClient.open(server.port);
      client.send("CONNECT\naccept-version:1.2\nhost:spec\n\n^@");
      expect(retryOf(await client.frame())).to.match(expected);
    });
  }

  for (const retry of [1.5, -1, "later", Number.POSITIVE_INFINITY]) {
    for (const where of ["a controller", "CONNECT"]) {
      it(`is some seconds for an error of ${where} whose retry is ${retry}, and the log says so`, async () => {
        const error = new AccessDeniedError("Not yet", { retry: retry as number });
        Failing.thrown = error;
        server = await startServer(where === "CONNECT" ? refusingConnect(error) : { controllers: [Failing] });
        const client = await RawClient.open(server.port);
        client.send("CONNECT\naccept-version:1.2\nhost:spec\n\n^@");
        if (where === "a controller") {
          await client.frame();
          client.send("SEND\ndestination:/app/fail\nreceipt:1\n\n^@");
        }
        const frame = await client.frame();
        expect(retryOf(frame)).to.match(SOON);
        expect(frame).to.match(/^message:Not yet$/m);
        const logged = server.log.filter((line) => line.startsWith("error An error's retry"));
        expect(logged).to.have.length(1);
      });
    }
  }

  for (const [what, frame, expected] of [
    ["is no frame", "NONSENSE\n\n^@", /^never$/],
    ["came before CONNECT", "SEND\ndestination:/topic/a\n\n^@", /^never$/],
  ] as const) {
    it(`is in ERROR over SockJS's HTTP, for what ${what}`, async () => {
      server = await startServer();
      const { port } = server;
      await post(port, "/ws/000/s1/xhr");
      await post(port, "/ws/000/s1/xhr_send", JSON.stringify([frame.replace("^@", "\0")]));
      const { text } = await post(port, "/ws/000/s1/xhr");
      const [error = ""] = JSON.parse(text.slice(1)) as string[];
      expect(retryOf(error)).to.match(expected);
      expect((await post(port, "/ws/000/s1/xhr")).text).to.equal('c[1002,"STOMP error"]\n');
    });
  }

  it("is some seconds for a queue that is full", async () => {
    const broker = simpleBroker({
      destinationPrefixes: ["/queue"],
      queuePrefixes: ["/queue"],
      backlogLimit: 1,
      overflowStrategy: "reject",
    });
    server = await startServer({ broker });
    const client = await RawClient.connect(server.port);
    client.send("SEND\ndestination:/queue/a\n\n^@SEND\ndestination:/queue/a\n\n^@");
    expect(retryOf(await client.frame())).to.match(SOON);
  });

  it("is some seconds for a client that was too slow to connect", async () => {
    server = await startServer({ transport: { timeToFirstMessage: 100 } });
    const client = await RawClient.open(server.port);
    expect(retryOf(await client.frame())).to.match(SOON);
  });

  it("is some seconds for a user who has all the sessions they may have", async () => {
    const endpoints = [{ path: "/ws", user: () => ({ name: "rod" }) }];
    server = await startServer({ endpoints, userSessions: { limit: 1, beyond: "refuse" } });
    await RawClient.connect(server.port);
    const second = await RawClient.open(server.port);
    second.send("CONNECT\naccept-version:1.2\nhost:spec\n\n^@");
    expect(retryOf(await second.frame())).to.match(SOON);
  });

  describe("of a session with a grant", () => {
    let time: FakeTime;
    let grant: SessionGrant;
    beforeEach(() => {
      time = new FakeTime();
    });

    const granting = (lasts: number): Partial<StompMessagingOptions> => ({
      clock: time,
      clientInboundChannel: {
        interceptors: [
          {
            preSend(message: Message) {
              if (message.headers.messageType !== "CONNECT") return message;
              grant = new SessionGrant({ expires: time.date() + lasts, clock: time });
              return withHeaders(message, { grant });
            },
          },
        ],
      },
    });

    it("is now when that has expired: there may be another", async () => {
      server = await startServer(granting(10_000));
      const client = await RawClient.connect(server.port);
      time.pass(10_000);
      expect(retryOf(await client.frame())).to.equal("now");
    });

    it("is never when it was revoked", async () => {
      server = await startServer(granting(10_000));
      const client = await RawClient.connect(server.port);
      grant.revoke("No more");
      expect(retryOf(await client.frame())).to.equal("never");
    });
  });

  it("is not the client's to write", async () => {
    server = await startServer();
    const client = await RawClient.connect(server.port);
    client.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
    client.send("SEND\ndestination:/topic/a\nretry:never\nretry :now\nmine:1\n\n^@");
    const frame = await client.frame();
    expect(frame).to.match(/^mine:1$/m);
    expect(frame).not.to.match(/retry/);
  });
});
