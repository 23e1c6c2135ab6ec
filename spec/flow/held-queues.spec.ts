import { expect } from "chai";
import { type ChannelInterceptor, simpleBroker, withHeaders } from "express-stomp";
import { ClientHost } from "../support/client-host.js";
import { Gate } from "../support/gate.js";
import type { RawClient } from "../support/raw-client.js";
import { settled } from "../support/recording.js";

/** Makes another message of each: what is known of a delivery by its class is lost. */
const remaking: ChannelInterceptor = {
  preSend: (message) =>
    message.headers.messageType === "MESSAGE"
      ? withHeaders(message, { native: message.headers.native.with("seen", "1") })
      : message,
};

const WAYS: Record<string, (stage: { host: ClientHost; first: RawClient }) => unknown> = {
  "the server ends its subscription": ({ host }) => {
    const [subscription] = host.server.messaging.userRegistry.findSubscriptions(() => true);
    // It waits for what waits.
    void host.server.messaging.unsubscribe(subscription!, "closed");
  },
  "the application ends its session": ({ host }) => host.server.messaging.disconnect({ user: "ann" }),
  "its client sends what is no frame": async ({ host, first }) => {
    const failed = host.event("sessionError");
    first.send("NONSENSE\n\n^@");
    await failed;
  },
  "its line breaks": async ({ host, first }) => {
    first.cut();
    while (host.server.messaging.userRegistry.getUserCount() > 0) await settled();
  },
};

describe("Messages of a queue that wait for interceptors, for one who does not acknowledge", () => {
  const host = new ClientHost();
  let gate: Gate;

  async function start(...interceptors: ChannelInterceptor[]): Promise<RawClient> {
    gate = new Gate("MESSAGE");
    let isFirst = true;
    await host.listen({
      endpoints: [
        {
          path: "/ws",
          user: () => {
            const user = isFirst ? { name: "ann" } : undefined;
            isFirst = false;
            return user;
          },
        },
      ],
      broker: simpleBroker({ destinationPrefixes: ["/topic"], queuePrefixes: ["/queue"] }),
      clientOutboundChannel: { interceptors: [gate, ...interceptors] },
    });
    const first = await consumer();
    for (const body of ["1", "2", "3"]) {
      await host.server.messaging.template.convertAndSend("/queue/a", body);
    }
    return first;
  }

  async function consumer(): Promise<RawClient> {
    const client = await host.connect();
    client.send("SUBSCRIBE\nid:1\ndestination:/queue/a\n\n^@");
    await client.synchronize();
    return client;
  }

  const bodyOf = (frame: string) => /\n\n(.*)\^@$/.exec(frame)?.[1];

  async function bodies(client: RawClient, count: number): Promise<unknown[]> {
    const all: unknown[] = [];
    while (all.length < count) all.push(bodyOf(await client.frame()));
    return all;
  }

  afterEach(async () => {
    gate.open();
    await host.close();
  });

  for (const [what, end] of Object.entries(WAYS)) {
    for (const [how, interceptors] of [
      ["", []],
      [", remade on their way", [remaking]],
    ] as const) {
      it(`go to another when ${what}${how}`, async () => {
        const first = await start(...interceptors);
        await end({ host, first });
        const second = await consumer();

        gate.open();

        expect(await bodies(second, 3)).to.deep.equal(["1", "2", "3"]);
        expect(await second.synchronize()).to.deep.equal([]);
      });
    }
  }

  it("come before the receipt of its own UNSUBSCRIBE, and nobody else gets them", async () => {
    const first = await start();
    const second = await consumer();
    first.send("UNSUBSCRIBE\nid:1\nreceipt:r\n\n^@");
    await settled();

    gate.open();

    expect(await bodies(first, 3)).to.deep.equal(["1", "2", "3"]);
    expect(await first.frame()).to.include("receipt-id:r\n");
    expect(await second.synchronize()).to.deep.equal([]);
  });

  it("are tried again, and dropped at last, when an interceptor throws for them", async () => {
    let thrown = 0;
    const first = await start({
      preSend(message) {
        if (Buffer.from(message.payload).toString() !== "2") return message;
        thrown++;
        throw new Error("no good");
      },
    });
    const dropped = host.collect("messageDropped");

    gate.open();

    expect(await bodies(first, 2)).to.deep.equal(["1", "3"]);
    await first.synchronize();
    expect(thrown).to.equal(5);
    expect(dropped.map(({ reason }) => reason)).to.deep.equal(["attempts"]);
  });
});
