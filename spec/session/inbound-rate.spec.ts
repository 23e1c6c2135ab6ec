import { expect } from "chai";
import { InboundRate } from "#lib/session/inbound-rate.js";

describe("InboundRate", () => {
  const take = (rate: InboundRate, frames: number) => {
    for (let i = 0; i < frames; i++) rate.take();
  };

  it("lets a second's worth come at once, and the same again a second later", () => {
    const rate = new InboundRate(10, 0);

    take(rate, 10);
    expect(rate.exhausted).to.equal(false);
    rate.take();
    expect(rate.exhausted).to.equal(true);
    rate.refill(1_100);
    take(rate, 10);

    expect(rate.exhausted).to.equal(false);
  });

  it("saves up no more than a second's worth", () => {
    const rate = new InboundRate(10, 0);

    rate.refill(60_000);
    take(rate, 11);

    expect(rate.exhausted).to.equal(true);
  });

  it("makes no client pay more than a second for what came at once", () => {
    const rate = new InboundRate(10, 0);

    take(rate, 100_000);
    rate.refill(1_000);

    expect(rate.exhausted).to.equal(false);
  });

  it("gives up who uses it up for more than 10 s on end", () => {
    const rate = new InboundRate(10, 0);
    const verdicts: boolean[] = [];

    for (let second = 1; second <= 11; second++) {
      take(rate, 30);
      verdicts.push(rate.refill(second * 1_000));
    }

    expect(verdicts.indexOf(true)).to.equal(10);
  });

  it("begins to count anew after a tick in which it sufficed", () => {
    const rate = new InboundRate(10, 0);

    for (let second = 1; second <= 30; second++) {
      if (second % 9 > 1) take(rate, 30);
      expect(rate.refill(second * 1_000), `after ${second} s`).to.equal(false);
    }
  });
});
