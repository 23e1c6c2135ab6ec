import { expect } from "chai";
import { MessageDeliveryError } from "express-stomp";
import { BrokerHost } from "../support/broker-host.js";
import { countOperations, countOperationsOfTurn } from "../support/count-operations.js";

const COUNT = 1_000;
/** Steps that a turn of the event loop may have for what is looked at for nothing. */
const MOST_PER_TURN = 100_000;
const LONG = "a".repeat(940);
/** It is looked for all over each destination, and fits none of those. */
const DEAR = "/topic/*a?b*";

describe("Patterns beside a thousand destinations of the simple broker with long names", () => {
  const host = new BrokerHost();

  afterEach(() => host.broker.close());

  const fill = () => {
    for (let i = 0; i < COUNT; i++) host.publish(`/topic/${i}${LONG}`, {}, `${i}`);
  };

  it("get retained messages without a turn that looks at all of them", async () => {
    host.start({ retainLast: ["/topic/**"] });
    await host.connect("alice");
    fill();
    host.publish("/topic/aXb", {}, "found");
    expect(countOperations(() => host.subscribe("alice", "1", DEAR))).to.be.below(MOST_PER_TURN);
    let turns = 0;
    for (; host.outbound.messages.length === 0; turns++) {
      expect(turns).to.be.below(COUNT);
      expect(await countOperationsOfTurn()).to.be.below(MOST_PER_TURN);
    }
    expect(turns).to.be.above(5);
    expect(host.deliveries()).to.deep.equal(["alice 1 /topic/aXb found"]);
  });

  it("keep no retained message from a subscriber that names its destination", async () => {
    host.start({ retainLast: ["/topic/**"] });
    await host.connect("alice");
    await host.connect("bob");
    fill();
    host.publish("/topic/aXb", {}, "found");
    host.subscribe("alice", "1", DEAR);
    host.subscribe("bob", "1", "/topic/aXb");
    expect(host.deliveries()).to.deep.equal(["bob 1 /topic/aXb found"]);
  });

  it("are told that a history is too long to be looked through, and cost no more", async () => {
    host.start({ history: { destinations: ["/topic/**"], size: 1, ttl: 60_000 }, replayLimit: 10_000 });
    await host.connect("alice");
    fill();
    const since = { since: "first" };
    expect(countOperations(() => host.subscribe("alice", "1", DEAR, since))).to.be.below(4 * MOST_PER_TURN);
    expect(host.outbound.messages[0]?.headers.native.get("recovered")).to.equal("false");
    host.subscribe("alice", "2", "/topic/*", since);
    expect(host.outbound.messages[1]?.headers.native.get("recovered")).to.equal("true");
  });

  it("are refused by messaging.history, which says why, rather than told that there is nothing", async () => {
    host.start({ history: { destinations: ["/topic/**"], size: 1, ttl: 60_000 } });
    fill();
    for (const query of [{}, { limit: 1 }]) {
      const error = await host.broker.history?.(DEAR, query).then(
        () => expect.fail("nothing was refused"),
        (reason: Error) => reason,
      );
      expect(error).to.be.instanceOf(MessageDeliveryError);
      expect(error?.message).to.include(`${DEAR} has to be looked for all over too many destinations`);
    }
    const page = await host.broker.history?.("/topic/*", {});
    expect([page?.recovered, page?.messages.length]).to.deep.equal([true, COUNT]);
  });
});
