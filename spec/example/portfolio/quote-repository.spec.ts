import { expect } from "chai";
import { openDatabase, type PortfolioDatabase } from "../../../example/portfolio/database.js";
import { QuoteRepository } from "../../../example/portfolio/quote-repository.js";
import { STOCKS } from "../../../example/portfolio/stocks.js";
import { onEachDatabase } from "../../support/databases.js";

describe("QuoteRepository", () => {
  onEachDatabase((newDatabase) => {
    let database: PortfolioDatabase;
    let quotes: QuoteRepository;

    beforeEach(async () => {
      database = await openDatabase(await newDatabase());
      quotes = new QuoteRepository(database);
    });

    afterEach(() => database.destroy());

    const stocks = [STOCKS.get("MSFT")!, STOCKS.get("RHT")!];
    const round = (intervalMs = 0) => quotes.makeRound({ stocks, intervalMs, next: (price) => price + 1 });

    it("begins with the prices at which stocks open, and goes on from the last ones", async () => {
      expect(await round()).to.deep.equal([
        { ticker: "MSFT", price: 34_15, round: 1 },
        { ticker: "RHT", price: 48_30, round: 1 },
      ]);
      expect(await round()).to.deep.equal([
        { ticker: "MSFT", price: 34_16, round: 2 },
        { ticker: "RHT", price: 48_31, round: 2 },
      ]);
    });

    it("makes no round before it is due", async () => {
      await round(60_000);

      expect(await round(60_000)).to.deep.equal([]);
    });

    it("makes each round once, whoever else asks for it at the same time", async () => {
      const rounds = await Promise.all(Array.from({ length: 8 }, () => round(60_000)));

      expect(rounds.filter((made) => made.length > 0)).to.have.length(1);
    });

    it("keeps the last 60 prices of each stock, in order", async () => {
      for (let i = 0; i < 63; i++) await round();
      const [history] = await quotes.findHistory(stocks);

      expect(history).to.include({ ticker: "MSFT", company: "Microsoft", round: 63 });
      expect(history!.prices).to.deep.equal(Array.from({ length: 60 }, (_, i) => 34_15 + 3 + i));
    });

    it("has no prices before the first round", async () => {
      expect((await quotes.findHistory(stocks))[0]).to.deep.include({ prices: [], round: 0 });
    });
  });
});
