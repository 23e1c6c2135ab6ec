import { expect } from "chai";
import {
  Controller,
  DestinationVariable,
  MessageMapping,
  Payload,
  SendTo,
  SendToUser,
  SubscribeMapping,
  simpleBroker,
} from "express-stomp";
import { startServer, type TestServer } from "../support/server.js";
import { StompSession } from "../support/stomp-session.js";

@Controller()
@MessageMapping("trade")
class TradeController {
  @MessageMapping("{market}.buy")
  @SendTo("/topic/trade.{market}.bought")
  buy(@DestinationVariable("market") market: string, @Payload() item: string) {
    return `${item} in ${market}`;
  }

  @MessageMapping("{market}.ask")
  @SendToUser("/queue/trade.{market}")
  ask(@Payload() item: string) {
    return `none of ${item}`;
  }

  @MessageMapping("sell")
  sell(@Payload() item: string) {
    return `sold ${item}`;
  }

  @SubscribeMapping("markets")
  markets() {
    return "seoul, busan";
  }
}

describe('destinationSeparator: "."', () => {
  let server: TestServer;
  let session: StompSession;

  beforeEach(async () => {
    server = await startServer({
      destinationSeparator: ".",
      controllers: [TradeController],
      broker: simpleBroker({ destinationPrefixes: ["/topic"], retainLast: ["/topic/kept.*"] }),
    });
    session = await StompSession.connect(server.port);
  });

  afterEach(async () => {
    session.cut();
    await server.close();
  });

  /** Subscription, destination and body of each MESSAGE that has come. */
  async function heard(): Promise<string[]> {
    return (await session.messages()).map(({ headers, body }) => {
      return `${headers.get("subscription")} ${headers.get("destination")} ${body}`;
    });
  }

  it("splits what controllers are mapped to, and what subscribers ask for", async () => {
    session.send("SUBSCRIBE", { id: "one", destination: "/topic/trade.*.bought" });
    session.send("SUBSCRIBE", { id: "all", destination: "/topic/trade.**" });
    session.send("SUBSCRIBE", { id: "slashes", destination: "/topic/*/*" });
    session.send("SEND", { destination: "/app/trade.seoul.buy", "content-type": "text/plain" }, "tea");
    session.send("SEND", { destination: "/app/trade.sell", "content-type": "text/plain" }, "rice");
    session.send("SEND", { destination: "/app/trade/seoul/buy", "content-type": "text/plain" }, "salt");
    expect((await heard()).sort()).to.deep.equal([
      "all /topic/trade.sell sold rice",
      "all /topic/trade.seoul.bought tea in seoul",
      "one /topic/trade.seoul.bought tea in seoul",
    ]);
  });

  it("leaves user destinations under /user/", async () => {
    session.send("SUBSCRIBE", { id: "mine", destination: "/user/queue/trade.*" });
    session.send("SEND", { destination: "/app/trade.seoul.ask", "content-type": "text/plain" }, "tea");
    expect(await heard()).to.deep.equal(["mine /user/queue/trade.seoul none of tea"]);
  });

  it("lets controllers answer subscriptions, and the broker retain", async () => {
    await server.messaging.template.convertAndSend("/topic/kept.a", "1");
    await server.messaging.template.convertAndSend("/topic/kept.a.b", "2");
    session.send("SUBSCRIBE", { id: "answer", destination: "/app/trade.markets" });
    session.send("SUBSCRIBE", { id: "kept", destination: "/topic/kept.**" });
    expect(await heard()).to.deep.equal(["answer /app/trade.markets seoul, busan", "kept /topic/kept.a 1"]);
  });

  it("bounds the segments that a client may make of dots", async () => {
    const destination = `/topic/${".a".repeat(64)}`;
    expect(await session.refusal("SUBSCRIBE", { id: "s", destination })).to.include("at most 64 segments");
  });
});
