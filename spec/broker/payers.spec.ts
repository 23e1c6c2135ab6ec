import { expect } from "chai";
import { Payers } from "#lib/broker/payers.js";
import type { QueuedMessage } from "#lib/broker/queued-message.js";
import { heapUsed } from "../support/heap.js";

describe("Payers", () => {
  it("keep nothing of those of whom nothing waits any more", () => {
    const payers = new Payers();
    const churn = (count: number) => {
      for (let i = 0; i < count; i++) {
        const headers = { destination: "/queue/a" };
        const message = { payer: `session ${i}`, size: 500, publication: { headers } };
        payers.add(message as unknown as QueuedMessage);
        payers.remove(message as unknown as QueuedMessage);
      }
    };
    churn(1_000);
    const before = heapUsed();

    churn(20_000);

    expect(heapUsed() - before).to.be.below(512 * 1024);
    expect(payers.weightOf("session 1")).to.equal(0);
  });
});
