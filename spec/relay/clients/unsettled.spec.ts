import { expect } from "chai";
import { type MessageHeaders, NativeHeaders } from "express-stomp";
import { type DeliveryNames, Unsettled } from "#lib/relay/clients/unsettled.js";
import { countOperations } from "../../support/count-operations.js";

const SUBSCRIPTIONS = 1_000;

describe("What the relay remembers of deliveries that wait for ACK", () => {
  const subscriptions = Array.from({ length: SUBSCRIPTIONS }, () => {
    return { isCumulative: true, isEnded: false, isRevoked: false };
  });
  let unsettled: Unsettled;
  let acknowledged: (string | undefined)[];

  const settle = (names: DeliveryNames) =>
    unsettled.settle({ messageType: "OTHER", native: NativeHeaders.EMPTY, ...names } as MessageHeaders);

  const names: [version: string, of: (i: number) => DeliveryNames, ack: (i: number) => DeliveryNames][] = [
    ["1.2", (i) => ({ ackId: `${i}`, messageId: `m${i}` }), (i) => ({ ackId: `${i}` })],
    [
      "1.1",
      (i) => ({ messageId: `m${i}`, subscriptionId: "s" }),
      (i) => ({ messageId: `m${i}`, subscriptionId: "s" }),
    ],
    ["1.0", (i) => ({ messageId: `m${i}`, subscriptionId: "s" }), (i) => ({ messageId: `m${i}` })],
  ];
  for (const [version, of, ack] of names) {
    describe(`in STOMP ${version}`, () => {
      beforeEach(() => {
        acknowledged = [];
        unsettled = new Unsettled(({ messageId }) => acknowledged.push(messageId));
        for (const [i, subscription] of subscriptions.entries()) {
          unsettled.given(subscription, of(i));
          unsettled.given(subscription, of(SUBSCRIPTIONS + i));
        }
      });

      it("is found by an ACK in steps that count no deliveries of other subscriptions", () => {
        for (const i of [SUBSCRIPTIONS - 1, 2 * SUBSCRIPTIONS - 2, 500]) {
          expect(countOperations(() => settle(ack(i)))).to.be.below(30);
        }
      });

      it("goes with an ACK for a later delivery of the same subscription, and of no other", () => {
        const [first, second] = subscriptions;
        unsettled.withheld(first!, of(-1));
        settle(ack(SUBSCRIPTIONS));
        unsettled.acknowledgeWithheld();
        expect(acknowledged).to.deep.equal([]);
        for (let i = 1; i < SUBSCRIPTIONS; i++) settle(ack(SUBSCRIPTIONS + i));
        unsettled.acknowledgeWithheld();
        expect(acknowledged).to.deep.equal(["m-1"]);
        unsettled.withheld(second!, of(-2));
        expect(acknowledged).to.deep.equal(["m-1", "m-2"]);
      });
    });
  }

  it("is the oldest delivery of a message, where an ACK names no subscription", () => {
    unsettled = new Unsettled(() => {});
    const revoked = { isCumulative: false, isEnded: true, isRevoked: true };
    unsettled.given(revoked, { messageId: "m", subscriptionId: "a" });
    unsettled.given({ ...revoked, isRevoked: false }, { messageId: "m", subscriptionId: "b" });
    expect([settle({ messageId: "m" }), settle({ messageId: "m" })]).to.deep.equal([false, true]);
  });
});
