import { expect } from "chai";
import { BackOff } from "#lib/relay/line/back-off.js";

describe("BackOff", () => {
  it("pauses longer each time, up to the longest, and half of it by chance", () => {
    const backOff = new BackOff(1000);
    for (const pause of [100, 200, 400, 800, 1000, 1000])
      expect(backOff.next()).to.be.within(pause / 2, pause);
  });

  it("begins anew", () => {
    const backOff = new BackOff(1000);
    for (let i = 0; i < 2000; i++) backOff.next();
    expect(backOff.next()).to.be.within(500, 1000);
    backOff.reset();
    expect(backOff.next()).to.be.within(50, 100);
  });

  it("is not the same for two servers", () => {
    const pauses = Array.from({ length: 20 }, () => new BackOff(1000).next());
    expect(new Set(pauses).size).to.be.greaterThan(1);
  });
});
