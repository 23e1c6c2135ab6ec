import { expect } from "chai";
import { InboundRate } from "#lib/session/inbound-rate.js";

describe("InboundRate", () => {
  /** How many of so many frames pass. */
  function pass(rate: InboundRate, frames: number): number {
    let passed = 0;
    while (passed < frames && rate.take()) passed++;
    return passed;
  }

  it("lets a second's worth pass at once, and the same again a second later", () => {
    const rate = new InboundRate(10, 0);

    expect(pass(rate, 11)).to.equal(10);
    expect(rate.holds).to.equal(true);
    rate.refill(1_000);

    expect(rate.holds).to.equal(false);
    expect(pass(rate, 11)).to.equal(10);
  });

  it("earns by the time that has passed, and saves up no more than a second's worth", () => {
    const rate = new InboundRate(10, 0);
    pass(rate, 10);

    rate.refill(250);
    expect(pass(rate, 10)).to.equal(2);
    rate.refill(60_000);

    expect(pass(rate, 20)).to.equal(10);
  });

  it("gives up who has frames held back for more than 10 s on end", () => {
    const rate = new InboundRate(10, 0);
    const verdicts: boolean[] = [];

    for (let second = 1; second <= 11; second++) {
      pass(rate, 30);
      verdicts.push(rate.refill(second * 1_000));
    }

    expect(verdicts.indexOf(true)).to.equal(10);
  });

  it("bears who sends just as many as may pass, for ever", () => {
    const rate = new InboundRate(10, 0);

    for (let second = 1; second <= 60; second++) {
      expect(pass(rate, 10)).to.equal(10);
      expect(rate.refill(second * 1_000), `after ${second} s`).to.equal(false);
    }
  });

  it("begins to count anew after a tick in which nothing was held back", () => {
    const rate = new InboundRate(10, 0);

    for (let second = 1; second <= 30; second++) {
      if (second % 9 > 0) pass(rate, 30);
      expect(rate.refill(second * 1_000), `after ${second} s`).to.equal(false);
    }
  });
});
