import { inspect } from "node:util";
import { expect } from "chai";
import {
  type ChannelInterceptor,
  Controller,
  type HandshakeInterceptor,
  type Logger,
  MessageMapping,
  messageSecurity,
  Payload,
  SendTo,
  type StompMessagingOptions,
} from "express-stomp";
import { RawClient } from "../support/raw-client.js";
import { startServer, type TestServer } from "../support/server.js";
import { converseUntil, handshakeText } from "../support/socket-host.js";
import { post } from "../support/sockjs-http.js";

class Unspeakable extends Error {
  constructor() {
    super();
    for (const name of ["stack", "message", "name", "toString", "cause"]) {
      Object.defineProperty(this, name, {
        get() {
          throw new Error("it refuses");
        },
      });
    }
  }
}

/** What JavaScript may return where the types say otherwise. */
const RETURNED: readonly [string, () => unknown][] = [
  ["a number", () => 5],
  ["a text", () => "text"],
  ["a symbol", () => Symbol("odd")],
  ["a function", () => () => {}],
  ["an empty object", () => ({})],
  ["what has no prototype", () => Object.create(null)],
  ["a thenable that is done", () => thenable((resolve) => resolve(5))],
  ["a thenable that fails", () => thenable((_, reject) => reject(null))],
  [
    "a thenable that throws",
    () =>
      thenable(() => {
        throw null;
      }),
  ],
  ["a throwing getter", () => throwingGetters()],
  ["a promise that rejects with null", () => Promise.reject(null)],
  ["a promise that rejects with undefined", () => Promise.reject(undefined)],
];

/** What JavaScript may throw. */
const THROWN: readonly [string, unknown][] = [
  ["null", null],
  ["undefined", undefined],
  ["a text", "route"],
  ["a symbol", Symbol("odd")],
  ["what has no prototype", Object.create(null)],
  ["throwing getters", throwingGetters()],
  ["an error that refuses to be looked at", new Unspeakable()],
  ["a proxy that is revoked", revoked()],
];

const ODD: readonly [string, () => unknown][] = [
  ...RETURNED.map(([what, give]): [string, () => unknown] => [`returns ${what}`, give]),
  ...THROWN.map(([what, thrown]): [string, () => unknown] => [
    `throws ${what}`,
    () => {
      throw thrown;
    },
  ]),
];

function thenable(then: (resolve: (value: unknown) => void, reject: (reason: unknown) => void) => void) {
  return { then };
}

function throwingGetters(): object {
  const fail = () => {
    throw new Error("a getter that throws");
  };
  return Object.defineProperties(
    {},
    Object.fromEntries(
      ["then", "name", "message", "stack", "headers", "payload", "toString", "constructor", "toJSON"].map(
        (name) => [name, { get: fail }],
      ),
    ),
  );
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

/** What stands for the function that is tried; `undefined` while it does as it should. */
let odd: (() => unknown) | undefined;

class Checked {}

@Controller()
class Odd {
  @MessageMapping("/odd")
  @SendTo("/topic/odd")
  odd() {
    return odd?.();
  }

  @MessageMapping("/odd-async")
  @SendTo("/topic/odd")
  async oddAsync() {
    await null;
    return odd?.();
  }

  @MessageMapping("/odd-stream")
  oddStream() {
    return { [Symbol.asyncIterator]: () => odd?.() };
  }

  @MessageMapping("/odd-next")
  oddNext() {
    return { [Symbol.asyncIterator]: () => ({ next: () => odd?.(), return: () => odd?.() }) };
  }

  @MessageMapping("/payload")
  payload(@Payload() _value: Checked) {}

  @MessageMapping("/value")
  value() {
    return 1;
  }

  @MessageMapping("/resolved")
  resolved(_number: number) {}

  @MessageMapping("/echo")
  @SendTo("/topic/echo")
  echo(@Payload() text: string) {
    return text;
  }
}

describe("A function of the application's that is odd", () => {
  let server: TestServer;
  let client: RawClient | undefined;
  /** As the console, which looks at all that it is given. */
  let written: string[];

  const write = (...details: unknown[]) => {
    written.push(details.map((each) => (each instanceof Error ? `${each.stack}` : inspect(each))).join(" "));
  };
  const logger: Logger = { debug: write, info: write, warn: write, error: write };

  async function start(options: Partial<StompMessagingOptions>) {
    odd = undefined;
    written = [];
    server = await startServer({ controllers: [Odd], logger, ...options });
  }

  afterEach(async () => {
    odd = undefined;
    client?.cut();
    client = undefined;
    await server.close();
  });

  /** Tries each odd function; after each all works, and nothing of ours has failed. */
  async function tryAll(attempt: (what: string) => Promise<void>): Promise<void> {
    for (const [what, function_] of ODD) {
      try {
        client = await RawClient.connect(server.port);
        client.send("SUBSCRIBE\nid:1\ndestination:/topic/echo\n\n^@");
        await client.synchronize();
        written.length = 0;
        odd = function_;
        await attempt(what);
        odd = undefined;
        client.cut();
        await expectService();
      } catch (error) {
        throw new Error(`${what}: ${String(error)}`, { cause: error });
      }
    }
  }

  async function expectService(): Promise<void> {
    const other = await RawClient.connect(server.port);
    other.send("SUBSCRIBE\nid:1\ndestination:/topic/echo\n\n^@");
    other.send("SEND\ndestination:/app/echo\n\nstill here^@");
    expect(await other.frame()).to.contain("still here");
    other.cut();
    expect(written.join("\n")).not.to.match(/TypeError: (Cannot|undefined|null|\S+ is not)/);
  }

  const send = (destination: string, body = "") =>
    client?.send(`SEND\ndestination:${destination}\n\n${body}^@`);

  for (const method of ["odd", "odd-async", "odd-stream", "odd-next"]) {
    it(`is no failure of ours: a controller's method, ${method}`, async () => {
      await start({});
      await tryAll(async () => {
        send(`/app/${method}`);
        expect(await client?.outcome()).to.deep.equal([]);
      });
    });
  }

  it("is no failure of ours: a listener", async () => {
    await start({});
    for (const name of ["connect", "connected", "subscribe", "subscribed", "disconnect"] as const) {
      server.messaging.on(name, () => odd?.() as void);
    }
    await tryAll(async () => {
      const listened = await RawClient.connect(server.port);
      listened.send("SUBSCRIBE\nid:2\ndestination:/topic/a\n\n^@");
      await listened.synchronize();
      listened.cut();
    });
  });

  for (const hook of [
    "preSend",
    "beforeHandle",
    "postSend",
    "afterMessageHandled",
    "afterSendCompletion",
  ] as const) {
    for (const channel of ["clientInboundChannel", "brokerChannel", "clientOutboundChannel"] as const) {
      it(`is no failure of ours: ${hook} on ${channel}`, async () => {
        const interceptor = {
          [hook]: (message: unknown) => (odd ? odd() : message),
        } as ChannelInterceptor;
        await start({ [channel]: { interceptors: [interceptor] } });
        await tryAll(async () => {
          send("/app/echo", "x");
          client?.send("UNSUBSCRIBE\nid:2\nreceipt:r\n\n^@");
          await client?.next();
        });
      });
    }
  }

  for (const hook of ["beforeHandshake", "afterHandshake"] as const) {
    it(`is no failure of ours: ${hook}`, async () => {
      const interceptor = { [hook]: () => (odd ? odd() : true) } as HandshakeInterceptor;
      await start({ endpoints: [{ path: "/ws", handshakeInterceptors: [interceptor] }] });
      server.app.set("env", "test");
      await tryAll(async () => {
        const answer = await converseUntil(server.port, handshakeText("/ws"), /\r\n\r\n/);
        expect(answer).to.match(hook === "beforeHandshake" ? /^HTTP\/1\.1 500 / : /^HTTP\/1\.1 101 /);
      });
    });
  }

  it("is no failure of ours: user(req)", async () => {
    await start({ endpoints: [{ path: "/ws", sockJS: true, user: () => odd?.() as undefined }] });
    server.app.set("env", "test");
    await tryAll(async () => {
      const answer = await converseUntil(server.port, handshakeText("/ws"), /\r\n\r\n/);
      expect(answer).to.match(/^HTTP\/1\.1 500 /);
      expect((await post(server.port, "/ws/0/s/xhr")).status).to.equal(500);
    });
  });

  it("is no failure of ours: the errorHandler", async () => {
    await start({ errorHandler: { handleClientMessageProcessingError: () => odd?.() as undefined } });
    await tryAll(async () => {
      client?.send("ACK\nid:none\n\n^@");
      expect(await client?.frame()).to.match(/^ERROR\n/);
    });
  });

  for (const [what, options] of [
    ["a validator", { validator: { validate: (value: unknown) => (odd ? odd() : value) } }],
    [
      "a converter that reads",
      { messageConverters: [{ fromMessage: () => odd?.(), toPayload: () => undefined }] },
    ],
    [
      "a converter that writes",
      { messageConverters: [{ fromMessage: () => undefined, toPayload: () => odd?.() as undefined }] },
    ],
    [
      "an argument resolver",
      {
        argumentResolvers: [
          { supportsParameter: ({ type }) => type === Number, resolveArgument: () => odd?.() },
        ],
      },
    ],
    [
      "a handler of what is returned",
      {
        returnValueHandlers: [
          { supportsReturnType: () => odd !== undefined, handleReturnValue: () => odd?.() as undefined },
        ],
      },
    ],
  ] satisfies [string, Partial<StompMessagingOptions>][]) {
    it(`is no failure of ours: ${what}`, async () => {
      await start(options);
      await tryAll(async () => {
        send("/app/payload", "{}");
        send("/app/value");
        send("/app/resolved");
        send("/app/echo", "x");
        await client?.outcome();
      });
    });
  }

  it("is no failure of ours: the logger", async () => {
    const log = () => odd?.() as void;
    await start({ logger: { debug: log, info: log, warn: log, error: log } });
    await tryAll(async () => {
      send("/app/odd");
      send("/app/payload", "{");
      await client?.outcome();
    });
  });

  it("is no failure of ours: a post-processor of the template", async () => {
    await start({});
    await tryAll(async () => {
      const { template } = server.messaging;
      const process = () => odd?.() as never;
      const sent = template.convertAndSend("/topic/a", "x", process).then(
        () => "sent",
        () => "refused",
      );
      expect(await sent).to.equal("refused");
    });
  });

  it("is no failure of ours: a rule, and who asks for authorities", async () => {
    const rules = messageSecurity(
      (messages) =>
        messages
          .simpDestMatchers("/app/access")
          .access(() => odd?.() as boolean)
          .simpDestMatchers("/app/authority")
          .hasAuthority("some")
          .anyMessage()
          .permitAll(),
      { authoritiesOf: () => (odd?.() ?? []) as string[] },
    );
    await start({ security: rules });
    await tryAll(async () => {
      send("/app/access");
      expect(await client?.frame()).to.match(/^ERROR\nmessage:Access denied/);
    });
  });
});
