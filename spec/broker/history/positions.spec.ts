import { expect } from "chai";
import { Positions } from "#lib/broker/history/positions.js";

describe("Positions", () => {
  it("are read as they were written, up to the newest", () => {
    const positions = new Positions();
    expect(positions.numberOf(positions.idOf(0))).to.equal(0);
    const number = positions.next();
    expect(positions.numberOf(positions.idOf(number))).to.equal(1);
    expect(positions.numberOf(positions.idOf(2))).to.equal(undefined);
  });

  it("of another broker, and texts that are none, are unknown", () => {
    const positions = new Positions();
    for (let i = 0; i < 12; i++) positions.next();
    const epoch = positions.idOf(0).slice(0, -1);
    const others = [new Positions().idOf(0), "", "0", "-", epoch, `${epoch}-1`, `${epoch}01`, `${epoch}1.5`];
    for (const text of [...others, `${epoch}1e1`, `${epoch} 1`, `${epoch}99999999999999999`, `x${epoch}1`]) {
      expect(positions.numberOf(text), text).to.equal(undefined);
    }
  });

  it("have an epoch of their own with each start", () => {
    const epochs = new Set(Array.from({ length: 100 }, () => new Positions().idOf(0)));
    expect(epochs.size).to.equal(100);
  });
});
