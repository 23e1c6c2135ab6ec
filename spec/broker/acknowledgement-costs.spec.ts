import { expect } from "chai";
import { type MessageHeaders, NativeHeaders } from "express-stomp";
import { endNoticeId } from "#lib/message/end-notice.js";
import { BrokerHost } from "../support/broker-host.js";
import { countOperations } from "../support/count-operations.js";

const SUBSCRIPTIONS = 900;

describe("ACK at the simple broker", () => {
  const host = new BrokerHost();

  const settle = (headers: Partial<MessageHeaders>, native = {}) =>
    void host.handle("OTHER", { stompCommand: "ACK", native: NativeHeaders.of(native), ...headers });

  const transact = (stompCommand: "BEGIN" | "ABORT") =>
    void host.handle("OTHER", { stompCommand, native: NativeHeaders.of({ transaction: "t" }) });

  const delivered = (i: number) => host.outbound.messages.at(i)!.headers;

  const unsubscribe = (subscriptionId: string, messageId: string) =>
    void host.handle("UNSUBSCRIBE", { subscriptionId, messageId });

  beforeEach(async () => {
    host.start({ queuePrefixes: ["/queue"], prefetchCount: 0 });
    await host.connect("alice");
    for (let i = 0; i < SUBSCRIPTIONS; i++) {
      host.subscribe("alice", `${i}`, i === 0 ? "/queue/a" : "/topic/a", { ack: "client" });
    }
    host.publish("/topic/a");
    for (let i = 0; i < SUBSCRIPTIONS; i++) host.publish("/queue/a");
  });

  const names: [version: string, what: string, headers: (i: number) => Partial<MessageHeaders>][] = [
    ["1.2", "its id", (i) => ({ ackId: delivered(i).ackId })],
    [
      "1.1",
      "message and subscription",
      (i) => ({ messageId: delivered(i).messageId, subscriptionId: delivered(i).subscriptionId }),
    ],
    ["1.0", "message", (i) => ({ messageId: delivered(i).messageId })],
  ];
  for (const [version, what, headers] of names) {
    it(`finds a delivery by ${what}, as in STOMP ${version}, in steps that count none of the others`, () => {
      settle(headers(SUBSCRIPTIONS - 1));
      for (const i of [0, 100, SUBSCRIPTIONS - 2, 10]) {
        expect(countOperations(() => settle(headers(i)))).to.be.below(400);
      }
      // ACK counts for all of the queue's messages that were before it.
      settle(headers(-1));
      expect(host.refusal(() => settle(headers(-2)))).to.match(/^No unacknowledged message has the id /);
    });
  }

  it("takes the oldest delivery of a message where it names no subscription", () => {
    for (let i = 1; i < SUBSCRIPTIONS; i++) settle({ messageId: delivered(0).messageId });
    expect(host.refusal(() => settle({ messageId: delivered(0).messageId }))).to.match(/^No unack/);
  });

  it("finds what an end notice stands for without a look at other subscriptions", () => {
    const [notice, other] = [endNoticeId(), endNoticeId()];
    unsubscribe("0", notice);
    unsubscribe("1", other);
    const steps = countOperations(() => settle({ messageId: notice, subscriptionId: "1" }));
    expect(steps, "an ACK of it for another subscription").to.be.below(200);
    settle({ messageId: other, subscriptionId: "1" });
    const last = { messageId: delivered(-1).messageId, subscriptionId: "0" };
    settle({ messageId: notice, subscriptionId: "0" });
    expect(host.refusal(() => settle(last))).to.match(/^No unacknowledged message has the id /);
    expect(countOperations(() => settle({ messageId: notice }))).to.be.below(200);
  });

  it("is taken back by ABORT in steps that grow with what it took", () => {
    const stepsFor = (count: number) => {
      transact("BEGIN");
      for (let i = 0; i < count; i++) {
        settle({ ackId: delivered(SUBSCRIPTIONS - 1 + i).ackId }, { transaction: "t" });
      }
      return countOperations(() => transact("ABORT")) / count;
    };
    for (const count of [50, 800]) expect(stepsFor(count), `${count} ACKs`).to.be.below(400);
    settle({ messageId: delivered(-1).messageId, subscriptionId: "0" });
    expect(host.refusal(() => settle({ ackId: delivered(-2).ackId }))).to.match(/^No unacknowledged/);
  });
});
