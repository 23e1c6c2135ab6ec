import { randomUUID } from "node:crypto";
import { expect } from "chai";
import {
  AccessDeniedError,
  type ChannelInterceptor,
  Controller,
  type Message,
  type MessageChannel,
  type MessageHandler,
  MessageMapping,
  Payload,
  type Principal,
  type StompMessagingOptions,
  type StompSubProtocolErrorHandler,
  withHeaders,
} from "express-stomp";
import { ClientHost } from "../support/client-host.js";
import { missingExamples } from "../support/documented.js";

const users = {
  find: async (token: string | undefined): Promise<Principal | undefined> =>
    token === "good" ? { name: "rod" } : undefined,
};

const measured: string[] = [];
function took(destination: string | undefined, milliseconds: number, outcome: string) {
  measured.push(`${destination} ${outcome}${milliseconds >= 0 ? "" : " before it began"}`);
}

const logged: string[] = [];
const logger = { error: (text: string, error: Error) => void logged.push(`${text}: ${error.message}`) };

class TokenInterceptor implements ChannelInterceptor {
  async preSend(message: Message) {
    if (message.headers.messageType !== "CONNECT") return message;

    const token = message.headers.native.get("Authorization");
    const user = await users.find(token);
    if (!user) throw new AccessDeniedError("The token is not valid", { publicHeaders: { code: "TOKEN" } });
    return withHeaders(message, { user });
  }
}

class TimingInterceptor implements ChannelInterceptor {
  readonly #begun = new WeakMap<Message, number>();

  beforeHandle(message: Message, _channel: MessageChannel, handler: MessageHandler) {
    if (handler.name === "controllers") this.#begun.set(message, performance.now());
    return message;
  }

  afterMessageHandled(message: Message, _channel: MessageChannel, handler: MessageHandler, error?: Error) {
    const begun = this.#begun.get(message);
    if (handler.name !== "controllers" || begun === undefined) return;
    took(message.headers.destination, performance.now() - begun, error === undefined ? "done" : "failed");
  }
}

class NoEcho implements ChannelInterceptor {
  preSend(message: Message) {
    const { native, sessionId } = message.headers;
    return native.get("from-session") === sessionId ? null : message;
  }
}

const bounded: Partial<StompMessagingOptions> = {
  clientInboundChannel: { concurrency: 20 },
};

const errorHandler: StompSubProtocolErrorHandler = {
  handleClientMessageProcessingError(clientMessage, error, reply) {
    const id = randomUUID();
    logger.error(`ERROR ${id} at ${clientMessage?.headers.destination}`, error);
    return { ...reply, headers: { ...reply.headers, "error-id": id } };
  },
};

@Controller()
class Work {
  @MessageMapping("/work")
  work(@Payload() well: string) {
    if (well !== "well") throw new Error("badly");
  }
}

describe("docs/interceptors.md", () => {
  const host = new ClientHost();
  const start = (options: Partial<StompMessagingOptions>) => host.listen({ controllers: [Work], ...options });

  afterEach(() => host.close());

  it("shows what is tried here", async () => {
    await start({});
    expect(missingExamples("docs/interceptors.md", "spec/docs/interceptors.spec.ts")).to.deep.equal([]);
  });

  it("lets a token's user connect, and tells others why not", async () => {
    await start({ clientInboundChannel: { interceptors: [new TokenInterceptor()] } });
    const connected = host.event("connected");
    await host.connect("Authorization:good\n");
    expect((await connected).user).to.deep.equal({ name: "rod" });

    const stranger = await host.open();
    stranger.send("CONNECT\naccept-version:1.2\nhost:spec\n\n^@");
    expect(await stranger.frame()).to.equal(
      "ERROR\nmessage:The token is not valid\ncode:TOKEN\nretry:never\ncontent-length:0\n\n^@",
    );
  });

  it("measures controllers", async () => {
    await start({ clientInboundChannel: { interceptors: [new TimingInterceptor()] } });
    const client = await host.connect();

    client.send("SEND\ndestination:/app/work\n\nwell^@SEND\ndestination:/app/work\n\nbadly^@");
    await client.synchronize();

    expect(measured.filter((line) => !line.startsWith("undefined"))).to.deep.equal([
      "/app/work done",
      "/app/work failed",
    ]);
  });

  it("keeps one's own messages from one", async () => {
    await start({ clientOutboundChannel: { interceptors: [new NoEcho()] } });
    const [one, two] = [await host.connect(), await host.connect()];
    const subscribed = host.event("subscribed");
    one.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
    await one.synchronize();
    two.send("SUBSCRIBE\nid:2\ndestination:/topic/a\n\n^@");
    await two.synchronize();

    one.send(`SEND\ndestination:/topic/a\nfrom-session:${(await subscribed).sessionId}\n\nhi^@`);

    expect(await two.frame()).to.match(/^MESSAGE\n(?:.+\n)+\nhi\^@$/);
    expect(await one.synchronize()).to.deep.equal([]);
  });

  it("bounds how much is handled at a time", async () => {
    await start(bounded);
    const client = await host.connect();

    client.send("SEND\ndestination:/app/work\nreceipt:1\n\nwell^@");

    expect(await client.frame()).to.equal("RECEIPT\nreceipt-id:1\n\n^@");
  });

  it("gives every ERROR an id that stands in the log", async () => {
    await start({ errorHandler });
    const client = await host.connect();

    client.send("SEND\ndestination:/app/work\nreceipt:1\n\nbadly^@");

    const [, id] = /\nerror-id:(.+)\n/.exec(await client.frame()) ?? [];
    expect(logged).to.deep.equal([`ERROR ${id} at /app/work: Work.work failed: badly`]);
  });
});
