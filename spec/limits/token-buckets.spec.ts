import { expect } from "chai";
import { TokenBuckets } from "#lib/limits/token-buckets.js";

describe("TokenBuckets", () => {
  /** How many of so many frames find a token. */
  function pass(buckets: TokenBuckets, payer: string, now: number, frames: number): number {
    let passed = 0;
    for (let i = 0; i < frames; i++) {
      if (buckets.delay(payer, now) > 0) continue;
      buckets.take(payer, now);
      passed++;
    }
    return passed;
  }

  for (const [limit, window] of [
    [3, 1_000],
    [7, 10_000],
    [1_000, 1],
  ] as const) {
    it(`have ${limit} tokens at once, and as many in each ${window} ms, wherever time stands`, () => {
      for (const start of [0, 0.1, 1e9 + 1 / 3]) {
        const buckets = new TokenBuckets({ limit, window, bound: 10 });
        expect(pass(buckets, "a", start, limit + 5)).to.equal(limit);
        let later = 0;
        for (let part = 1; part <= 10 * limit; part++) {
          later += pass(buckets, "a", start + (part * window) / limit, 2);
        }
        expect(later).to.equal(10 * limit);
      }
    });
  }

  it("save up no more than a window's worth", () => {
    const buckets = new TokenBuckets({ limit: 5, window: 1_000, bound: 10 });
    pass(buckets, "a", 0, 5);
    expect(pass(buckets, "a", 1e6, 20)).to.equal(5);
  });

  it("say how long a token takes that is taken in advance", () => {
    const buckets = new TokenBuckets({ limit: 2, window: 1_000, bound: 10 });
    pass(buckets, "a", 0, 2);
    const delays = [1, 2, 3].map(() => {
      const delay = buckets.delay("a", 0);
      buckets.take("a", 0);
      return delay;
    });
    expect(delays).to.deep.equal([500, 1_000, 1_500]);
  });

  it("are kept for so many payers, however many there are, and the newest are among them", () => {
    const buckets = new TokenBuckets({ limit: 1, window: 60_000, bound: 1_000 });
    let most = 0;
    for (let i = 0; i < 1_000_000; i++) {
      buckets.take(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, i / 1_000);
      most = Math.max(most, buckets.size);
    }
    expect(most).to.be.at.most(1_001);
    expect(buckets.delay("10.15.66.63", 1_000), "the last").to.be.above(0);
    expect(buckets.delay("10.0.0.1", 1_000), "one of the first").to.equal(0);
  });

  it("are forgotten when they are full again, without a timer", () => {
    const buckets = new TokenBuckets({ limit: 1, window: 1_000, bound: 100_000 });
    for (let i = 0; i < 1_000; i++) buckets.take(`payer ${i}`, 0);
    for (let i = 0; i < 1_000; i++) buckets.take("one", 2_000 + i * 1_000);
    expect(buckets.size).to.equal(1);
  });

  it("keep a digest of a long name, not the name", () => {
    const buckets = new TokenBuckets({ limit: 1, window: 1_000, bound: 10 });
    const long = "x".repeat(8_192);
    buckets.take(`${long}a`, 0);
    expect(buckets.delay(`${long}a`, 0)).to.be.above(0);
    expect(buckets.delay(`${long}b`, 0)).to.equal(0);
  });
});
