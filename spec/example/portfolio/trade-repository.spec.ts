import { expect } from "chai";
import { openDatabase, type PortfolioDatabase } from "../../../example/portfolio/database.js";
import { QuoteRepository } from "../../../example/portfolio/quote-repository.js";
import { STOCKS } from "../../../example/portfolio/stocks.js";
import type { TradeAction } from "../../../example/portfolio/trade.js";
import { TradeRepository } from "../../../example/portfolio/trade-repository.js";
import { onEachDatabase } from "../../support/databases.js";

describe("TradeRepository", () => {
  onEachDatabase((newDatabase) => {
    let database: PortfolioDatabase;
    let trades: TradeRepository;

    beforeEach(async () => {
      database = await openDatabase(await newDatabase());
      trades = new TradeRepository(database);
      await quote((price) => price);
    });

    afterEach(() => database.destroy());

    const quote = (next: (price: number) => number) =>
      new QuoteRepository(database).makeRound({ stocks: STOCKS.values(), intervalMs: 0, next });

    /** Places a trade of fabrice, who has $10,000.00 and 33 MSFT at $34.15. */
    const place = async (action: TradeAction, shares: number, ticker = "MSFT") =>
      (await trades.place("fabrice", { ticker, action, shares }, 0)).id;

    async function cashAndShares(ticker = "MSFT") {
      const { cash, positions } = await trades.findPortfolio("fabrice");
      return { cash, shares: positions.find((position) => position.ticker === ticker)?.shares ?? 0 };
    }

    async function rejection(promise: Promise<unknown>) {
      return promise.then(
        () => undefined,
        (error: { code: string }) => error.code,
      );
    }

    it("opens the demo accounts, with hashes of their passwords", async () => {
      const { cash, positions, version } = await trades.findPortfolio("paulson");
      const [row] = await database.selectFrom("account").selectAll().execute();

      expect({ cash, version }).to.deep.equal({ cash: 10_000_00, version: 0 });
      expect(positions.map(({ ticker, shares }) => `${shares} ${ticker}`)).to.deep.equal([
        "75 EMC",
        "5 GOOG",
        "15 RHT",
        "23 VMW",
      ]);
      expect(row!.password_hash).to.match(/^scrypt\$/);
    });

    describe("when a trade is due", () => {
      it("buys at the price of that moment", async () => {
        const id = await place("Buy", 10);
        await quote((price) => price + 1_00);
        const result = await trades.execute(id);

        expect(result).to.deep.include({ account: "fabrice" });
        expect(result!.trade).to.deep.equal({
          id,
          ticker: "MSFT",
          action: "Buy",
          shares: 10,
          state: "executed",
          price: 35_15,
          reason: null,
        });
        expect(await cashAndShares()).to.deep.equal({ cash: 10_000_00 - 351_50, shares: 43 });
        expect(result!.portfolio).to.deep.equal(await trades.findPortfolio("fabrice"));
      });

      it("sells, and forgets a position of which nothing is left", async () => {
        await trades.execute(await place("Sell", 33));
        const { cash, positions } = await trades.findPortfolio("fabrice");

        expect(cash).to.equal(10_000_00 + 33 * 34_15);
        expect(positions.map(({ ticker }) => ticker)).to.deep.equal(["CTXS", "DELL", "ORCL"]);
      });

      it("begins a position with the first share", async () => {
        await trades.execute(await place("Buy", 1, "RHT"));

        expect((await trades.findPortfolio("fabrice")).positions).to.deep.include({
          ticker: "RHT",
          shares: 1,
          cost: 48_30,
        });
      });

      it("rejects what has become too dear since, and changes nothing", async () => {
        const id = await place("Buy", 200);
        await quote((price) => price * 2);
        const before = await cashAndShares();
        const result = await trades.execute(id);

        expect(result!.trade).to.include({
          state: "rejected",
          price: null,
          reason: "200 MSFT cost $13,660.00, and you have $10,000.00.",
        });
        expect(await cashAndShares()).to.deep.equal(before);
      });

      it("tells of versions that rise with each trade", async () => {
        const [one, two] = [await place("Buy", 1), await place("Buy", 1)];
        const versions = [(await trades.execute(one))!, (await trades.execute(two))!].map(
          ({ portfolio }) => portfolio.version,
        );

        expect(versions[1]).to.be.above(versions[0]!);
      });
    });

    describe("when trades are executed at the same time", () => {
      it("executes each of them once", async () => {
        const id = await place("Buy", 10);
        const results = await Promise.all(Array.from({ length: 8 }, () => trades.execute(id)));

        expect(results.filter(Boolean)).to.have.length(1);
        expect(await cashAndShares()).to.deep.equal({ cash: 10_000_00 - 341_50, shares: 43 });
      });

      it("spends no cent twice", async () => {
        // Two of them can be paid.
        const ids = [];
        for (let i = 0; i < 8; i++) ids.push(await place("Buy", 120));
        const results = await Promise.all(ids.map((id) => trades.execute(id)));

        const states = results.map((result) => result!.trade.state).sort();
        expect(states).to.deep.equal([...Array(2).fill("executed"), ...Array(6).fill("rejected")]);
        expect(await cashAndShares()).to.deep.equal({ cash: 10_000_00 - 240 * 34_15, shares: 273 });
      });

      it("sells no share twice", async () => {
        const ids = [];
        for (let i = 0; i < 8; i++) ids.push(await place("Sell", 16));
        const results = await Promise.all(ids.map((id) => trades.execute(id)));

        expect(results.filter((result) => result!.trade.state === "executed")).to.have.length(2);
        expect(await cashAndShares()).to.deep.equal({ cash: 10_000_00 + 32 * 34_15, shares: 1 });
      });
    });

    describe("when a trade is placed", () => {
      it("refuses what could not be executed now either, and keeps nothing of it", async () => {
        expect(await rejection(place("Buy", 1, "NONE"))).to.equal("unknown-ticker");
        expect(await rejection(place("Buy", 1, "__proto__"))).to.equal("unknown-ticker");
        expect(await rejection(place("Sell", 34))).to.equal("not-owned");
        expect(await rejection(place("Sell", 1, "GOOG"))).to.equal("not-owned");
        expect(await rejection(place("Buy", 293))).to.equal("overdraft");

        expect(await trades.findLatest("fabrice")).to.deep.equal([]);
      });

      it("lets 50 of an account wait, of all its sessions together", async () => {
        const placed = await Promise.all(Array.from({ length: 60 }, () => rejection(place("Buy", 1))));

        expect(placed.filter((code) => code === "too-many-trades")).to.have.length(10);
      });
    });

    it("finds what is due, the oldest first, and nothing else", async () => {
      await trades.place("fabrice", { ticker: "MSFT", action: "Buy", shares: 1 }, 60_000);
      const ids = [await place("Buy", 1), await place("Buy", 1), await place("Buy", 1)];
      await trades.execute(ids[0]!);

      expect(await trades.findDue()).to.deep.equal(ids.slice(1));
    });

    it("gives the latest ten trades of one account, the newest first", async () => {
      await trades.place("paulson", { ticker: "MSFT", action: "Buy", shares: 1 }, 0);
      const ids = [];
      for (let i = 0; i < 12; i++) ids.push(await place("Buy", 1));

      expect((await trades.findLatest("fabrice")).map(({ id }) => id)).to.deep.equal(
        ids.reverse().slice(0, 10),
      );
    });
  });
});
