import { expect } from "chai";
import { nextPrice, STOCKS } from "../../../example/portfolio/stocks.js";

describe("nextPrice", () => {
  const stock = STOCKS.get("MSFT")!;

  it("moves a price up and down, by little", () => {
    expect(nextPrice(100_00, { ...stock, openingPrice: 100_00 }, () => 1)).to.equal(101_20);
    expect(nextPrice(100_00, { ...stock, openingPrice: 100_00 }, () => 0)).to.equal(98_80);
  });

  it("drifts back to where the stock opened, and never falls to nothing", () => {
    let price = 1;
    for (let i = 0; i < 500; i++) {
      price = nextPrice(price, stock, () => 0.5);
      expect(price).to.be.at.least(1);
    }
    expect(price).to.be.closeTo(stock.openingPrice, 30);
  });
});
