import { expect } from "chai";
import type { TradeRequest } from "../../../example/portfolio/trade.js";
import { heldAfter, whyNot } from "../../../example/portfolio/trade-rules.js";

describe("the rules of trades", () => {
  const held = { shares: 10, cost: 300_00 };
  const means = { cash: 100_00, held, price: 20_00 };
  const trade = (action: "Buy" | "Sell", shares: number): TradeRequest => ({
    ticker: "MSFT",
    action,
    shares,
  });

  it("let one spend the last cent, and no more", () => {
    expect(whyNot(trade("Buy", 5), means)).to.equal(undefined);
    expect(whyNot(trade("Buy", 6), means)).to.include({
      code: "overdraft",
      message: "6 MSFT cost $120.00, and you have $100.00.",
    });
  });

  it("let one sell the last share, and no more", () => {
    expect(whyNot(trade("Sell", 10), means)).to.equal(undefined);
    expect(whyNot(trade("Sell", 11), means)).to.include({
      code: "not-owned",
      message: "You cannot sell 11 MSFT: you have 10.",
    });
    expect(whyNot(trade("Sell", 1), { ...means, held: { shares: 0, cost: 0 } })?.message).to.equal(
      "You cannot sell 1 MSFT: you have none.",
    );
  });

  it("add what was paid to the cost, and take from it the part of what is sold", () => {
    expect(heldAfter(trade("Buy", 2), means)).to.deep.equal({ shares: 12, cost: 340_00 });
    expect(heldAfter(trade("Sell", 3), means)).to.deep.equal({ shares: 7, cost: 210_00 });
    expect(heldAfter(trade("Sell", 10), means)).to.deep.equal({ shares: 0, cost: 0 });
  });
});
