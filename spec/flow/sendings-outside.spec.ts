import { expect } from "chai";
import {
  type ChannelInterceptor,
  createMessage,
  MessageDeliveryError,
  type MessagingEvents,
  messageSecurity,
  type SimpSubscription,
} from "express-stomp";
import { SendingsStage, turns } from "../support/sendings-stage.js";

describe("What the application sends outside of a controller's method, and does not await", () => {
  const stage = new SendingsStage();
  const { start, send, announced } = stage;

  afterEach(() => stage.close());

  async function told(): Promise<MessagingEvents["sendFailed"]> {
    return (
      stage.failures[0] ?? (await new Promise((resolve) => stage.server.messaging.on("sendFailed", resolve)))
    );
  }

  it("is told with its destination, and its message was handled", async () => {
    await start();
    send("after", "/topic/late", "r");

    expect(await stage.client.frame()).to.contain("RECEIPT");
    expect((await told()).destination).to.equal("/topic/late");
    expect(announced().failed).to.deep.equal([]);
    expect(stage.server.log.at(-1)).to.contain("A message to /topic/late was not sent on brokerChannel");
  });

  it("is told of a route, a timer, a listener and an interceptor", async () => {
    await start({
      clientInboundChannel: {
        interceptors: [
          {
            preSend(message) {
              void stage.server.messaging.template.convertAndSend("/topic/refused/by-interceptor", "x");
              return message;
            },
          },
        ],
      },
    });
    stage.server.messaging.on("subscribed", () => {
      void stage.server.messaging.template.convertAndSend("/topic/late/by-listener", "x");
    });
    stage.client.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
    await stage.client.synchronize();
    void stage.server.messaging.template.convertAndSend("/topic/refused/by-route", "x").then(() => {});
    void stage.server.messaging.brokerChannel.send(
      createMessage(new Uint8Array(), { destination: "/topic/late/by-channel" }),
    );
    await turns(20);

    expect(new Set(stage.failures.map(({ destination }) => destination))).to.deep.equal(
      new Set([
        "/topic/refused/by-interceptor",
        "/topic/late/by-listener",
        "/topic/refused/by-route",
        "/topic/late/by-channel",
      ]),
    );
    expect(announced().failed).to.deep.equal([]);
  });

  it("is told of messaging.unsubscribe and messaging.recheck", async () => {
    let isAllowed = true;
    const farewells: ChannelInterceptor = {
      preSend(message) {
        if (message.headers.native.has("unsubscribed")) throw new MessageDeliveryError("no farewell");
        return message;
      },
    };
    await start({
      endpoints: [{ path: "/ws", user: () => ({ name: "ann" }) }],
      clientOutboundChannel: { interceptors: [farewells] },
      security: messageSecurity((messages) => messages.anyMessage().access(() => isAllowed)),
    });
    stage.client.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
    stage.client.send("SUBSCRIBE\nid:2\ndestination:/topic/b\n\n^@");
    await stage.client.synchronize();
    const [subscription] = stage.server.messaging.userRegistry.findSubscriptions(({ id }) => id === "1");
    void stage.server.messaging.unsubscribe(subscription as SimpSubscription, "enough");
    isAllowed = false;
    void stage.server.messaging.recheck();
    await turns(20);

    expect(stage.failures.map(({ destination }) => destination)).to.deep.equal(["/topic/a", undefined]);
  });

  it("says nothing of what is awaited, a little later too", async () => {
    await start();
    const { template } = stage.server.messaging;
    const outcomes = await Promise.allSettled([
      template.convertAndSend("/topic/refused", "x"),
      template.convertAndSend("/topic/late", "x").finally(() => {}),
      (async () => template.convertAndSend("/topic/late", "x"))(),
    ]);
    await turns(20);

    expect(outcomes.map(({ status }) => status)).to.deep.equal(["rejected", "rejected", "rejected"]);
    expect(announced()).to.deep.equal({ failed: [], told: [] });
  });
});
