import { expect } from "chai";
import {
  type ChannelInterceptor,
  Controller,
  HandlerTimeoutError,
  type Message,
  MessageDeliveryError,
  MessageMapping,
  Payload,
  SendTo,
  type StompMessagingOptions,
} from "express-stomp";
import { rejection } from "../support/channels.js";
import { ClientHost } from "../support/client-host.js";
import { heapUsed } from "../support/heap.js";
import { text } from "../support/notes-host.js";
import type { RawClient } from "../support/raw-client.js";
import { settled } from "../support/recording.js";

@Controller()
class Echo {
  @MessageMapping("/echo")
  @SendTo("/topic/echo")
  echo(@Payload() said: string) {
    return said;
  }
}

/** Keeps a message whose text begins with "keep" until the spec lets it go. */
class Keeper implements ChannelInterceptor {
  readonly kept: (() => void)[] = [];

  preSend(message: Message): Message | Promise<Message> {
    if (!text(message).startsWith("keep")) return message;
    return new Promise((resolve) => this.kept.push(() => resolve(message)));
  }
}

describe("An interceptor of brokerChannel that waits", () => {
  const host = new ClientHost();
  let keeper: Keeper;

  async function start(options: Partial<StompMessagingOptions> = {}) {
    keeper = new Keeper();
    await host.listen({
      controllers: [Echo],
      ...options,
      brokerChannel: { interceptors: [keeper], ...options.brokerChannel },
    });
  }

  const send = (destination: string, payload: string) =>
    host.server.messaging.template.convertAndSend(destination, payload);

  async function subscriber(): Promise<RawClient> {
    const client = await host.connect();
    client.send("SUBSCRIBE\nid:1\ndestination:/topic/**\n\n^@");
    await client.synchronize();
    return client;
  }

  async function body(client: RawClient): Promise<string | undefined> {
    return /\n\n(.*)\^@$/.exec(await client.frame())?.[1];
  }

  afterEach(() => host.close());

  it("keeps what the application sends to the same destination in order, and lets all else pass", async () => {
    await start();
    const client = await subscriber();

    const first = send("/topic/a", "keep");
    const second = send("/topic/a", "second");
    await send("/topic/b", "other");
    client.send(
      "SEND\ndestination:/app/echo\n\nkeep of a client^@SEND\ndestination:/app/echo\n\nsecond of a client^@",
    );
    const other = await subscriber();
    other.send("SEND\ndestination:/app/echo\n\nof another client^@");

    expect([await body(client), await body(client)]).to.deep.equal(["other", "of another client"]);
    for (const go of keeper.kept) go();
    await Promise.all([first, second]);
    const rest = [await body(client), await body(client), await body(client), await body(client)];
    const ofClient = (each: string | undefined) => each?.endsWith("client") === true;
    expect(rest.filter(ofClient)).to.deep.equal(["keep of a client", "second of a client"]);
    expect(rest.filter((each) => !ofClient(each))).to.deep.equal(["keep", "second"]);
  });

  it("and never settles costs the one message, after handlerTimeout, and is told by event and log", async () => {
    await start({ handlerTimeout: 20 });
    const client = await subscriber();
    const faults = host.collect("channelError");

    const kept = rejection(send("/topic/a", "keep"));
    const behind = send("/topic/a", "behind");

    expect(await kept).to.be.instanceOf(HandlerTimeoutError);
    await behind;
    expect(await body(client)).to.equal("behind");
    expect(
      faults.map(({ channel, message, error }) => [channel, text(message), error.message]),
    ).to.deep.equal([["brokerChannel", "keep", "preSend of Keeper did not settle within 20 ms"]]);
    expect(host.server.log).to.deep.equal([
      "error A message to /topic/a failed on brokerChannel HandlerTimeoutError: preSend of Keeper did not settle within 20 ms",
    ]);
  });

  it("and never settles for anything does not let what waits behind it wait for ever either", async () => {
    await start({ handlerTimeout: 20 });
    const faults = host.collect("channelError");

    const errors = await Promise.all(
      Array.from({ length: 20 }, (_, i) => rejection(send("/topic/a", `keep ${i}`))),
    );

    for (const error of errors) expect(error).to.be.instanceOf(HandlerTimeoutError);
    // One for each that an interceptor had, and one for all that waited.
    expect(faults.length).to.be.within(2, 4);
    expect(faults.map(({ error }) => error.message)).to.include(
      "A message waited 20 ms on brokerChannel for those before it",
    );
    await send("/topic/a", "next");
  });

  it("lets no more wait than waitingSizeLimit, of all that the application sends, and tells it once", async () => {
    await start({ brokerChannel: { waitingSizeLimit: 100_000 } });
    const client = await subscriber();
    const faults = host.collect("channelError");

    const sent = Array.from({ length: 1000 }, (_, i) =>
      send(`/topic/${i % 2}`, i < 2 ? "keep" : String(i)).then(
        () => "sent",
        (error: unknown) => error,
      ),
    );
    await settled();
    expect(faults.map(({ error }) => error.message)).to.deep.equal([
      "More than 100000 bytes wait on brokerChannel",
    ]);
    // It is the application's alone.
    client.send("SEND\ndestination:/app/echo\n\nof a client^@");
    expect(await body(client)).to.equal("of a client");

    for (const go of keeper.kept) go();
    const outcomes = await Promise.all(sent);
    const refused = outcomes.filter((each) => each instanceof MessageDeliveryError);
    expect(outcomes.filter((each) => each === "sent").length).to.be.within(15, 30);
    expect(refused.length).to.equal(outcomes.filter((each) => each !== "sent").length);
    expect(host.server.log.length).to.equal(1);
    await send("/topic/0", "room again");
  });

  it("counts what waits whole, within a quarter, the promises of its senders included", async () => {
    await start();
    const { brokerChannel } = host.server.messaging;
    const round = async () => {
      const sent = [send("/topic/a", "keep"), send("/topic/a", "keep")];
      await settled();
      const [countedBefore, before] = [brokerChannel.waiting(""), heapUsed()];

      for (let i = 0; i < 2000; i++) sent.push(send("/topic/a", "x").then(() => {}));
      await settled();

      const counted = brokerChannel.waiting("") - countedBefore;
      const ratio = counted / (heapUsed() - before);
      while (brokerChannel.waiting("") > 0) {
        for (const go of keeper.kept.splice(0)) go();
        await settled();
      }
      await Promise.all(sent);
      return ratio;
    };
    // What runs for the first time takes room of the heap that is nobody's.
    await round();
    expect(await round()).to.be.within(0.75, 1.25);
  });

  it("does not lock up with one of clientOutboundChannel that waits for what it sends", async () => {
    const { promise: outbound, resolve: outboundHas } = promiseOf();
    const { promise: broker, resolve: brokerHas } = promiseOf();
    await start({
      clientOutboundChannel: {
        interceptors: [
          {
            async preSend(message) {
              if (text(message) !== "hello") return message;
              outboundHas();
              await broker;
              await send("/topic/quota", "audit");
              return message;
            },
          },
        ],
      },
      brokerChannel: {
        interceptors: [
          {
            async preSend(message) {
              if (text(message) !== "over quota") return message;
              brokerHas();
              await outbound;
              const [subscription] = host.server.messaging.userRegistry.findSubscriptions(() => true);
              if (subscription) await host.server.messaging.unsubscribe(subscription, "over quota");
              return message;
            },
          },
        ],
      },
      endpoints: [{ path: "/ws", user: () => ({ name: "u" }) }],
    });
    const client = await subscriber();

    client.send("SEND\ndestination:/topic/x\n\nhello^@");
    await outbound;
    await send("/topic/quota", "over quota");

    await send("/topic/anything", "goes on");
    // What waited for a subscription that the server has ended is not delivered any more; that it has ended is.
    expect(await client.synchronize()).to.satisfy((frames: string[]) =>
      frames.some((frame) => frame.includes("\nunsubscribed:over quota\n")),
    );
    expect(host.server.log).to.deep.equal([]);
  });
});

function promiseOf() {
  let resolve!: () => void;
  const promise = new Promise<void>((yes) => {
    resolve = yes;
  });
  return { promise, resolve };
}
