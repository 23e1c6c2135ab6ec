import { expect } from "chai";
import { createPortfolio, type PortfolioServer } from "../../../example/portfolio/app.js";
import { STOCKS } from "../../../example/portfolio/stocks.js";
import { newFile, onEachDatabase } from "../../support/databases.js";
import { RawClient } from "../../support/raw-client.js";
import { recordingLogger } from "../../support/recording.js";
import { type AccountName, csrfHeader, Investor, logIn } from "./investor.js";

/** Prices stand still for so long. */
const NEVER = 3_600_000;

describe("the portfolio's messages", () => {
  onEachDatabase((newDatabase) => {
    let url: string;
    let portfolio: PortfolioServer;
    let port: number;
    let investors: Investor[];

    async function start(options: { tradeDelayMs?: number; quoteIntervalMs?: number } = {}) {
      const slow = { tradeDelayMs: 20, quoteIntervalMs: NEVER, logger: recordingLogger() };
      portfolio = await createPortfolio({ databaseUrl: url, ...slow, ...options });
      port = await portfolio.listen(0, "127.0.0.1");
    }

    async function investor(name: AccountName) {
      const one = await Investor.connect(port, await logIn(`http://127.0.0.1:${port}`, name));
      investors.push(one);
      return one;
    }

    beforeEach(async () => {
      investors = [];
      url = await newDatabase();
      await start();
    });

    afterEach(async () => {
      for (const { client } of investors) client.cut();
      await portfolio.close();
    });

    it("tells those who ask, and nobody else, what they have", async () => {
      const [fabrice, paulson] = [await investor("fabrice"), await investor("paulson")];
      const answer = await fabrice.ask("/app/positions");

      expect(answer).to.include({ cash: 10_000_00, version: 0 });
      expect(answer.positions).to.deep.include({ ticker: "MSFT", shares: 33, cost: 33 * 34_15 });
      expect(answer.positions).to.have.length(4);
      expect(await paulson.client.synchronize()).to.deep.equal([]);
    });

    it("tells the prices that were, and each that comes", async () => {
      await portfolio.close();
      await start({ quoteIntervalMs: 20 });
      const fabrice = await investor("fabrice");
      fabrice.subscribe("/topic/price.stock.MSFT");
      const first = await fabrice.next();
      const second = await fabrice.next();

      expect(first.destination).to.equal("/topic/price.stock.MSFT");
      expect(first.body).to.have.keys("ticker", "price", "round");
      expect(second.body.round).to.equal(first.body.round + 1);

      const histories = await (await investor("paulson")).ask("/app/quotes");
      expect(histories).to.have.length(STOCKS.size);
      expect(histories[4].ticker).to.equal("MSFT");
      expect(histories[4].prices).to.include.members([first.body.price, second.body.price]);
    });

    it("executes a trade after a while, and confirms it in all sessions of that user only", async () => {
      const [here, there] = [await investor("fabrice"), await investor("fabrice")];
      const paulson = await investor("paulson");
      here.trade("MSFT", "Buy", 10);

      for (const session of [here, there]) {
        const { destination, body } = await session.next();
        expect(destination).to.equal("/user/queue/position-updates");
        expect(body.trade).to.include({ ticker: "MSFT", action: "Buy", shares: 10, price: 34_15 });
        expect(body.portfolio.cash).to.equal(10_000_00 - 341_50);
        expect(body.portfolio.positions).to.deep.include({ ticker: "MSFT", shares: 43, cost: 43 * 34_15 });
      }
      expect(await here.ask("/app/trades")).to.have.length(1);
      expect(await paulson.client.synchronize()).to.deep.equal([]);
    });

    it("executes what was placed before a restart", async () => {
      await portfolio.close();
      await start({ tradeDelayMs: 300 });
      const before = await investor("fabrice");
      before.trade("MSFT", "Sell", 3, "receipt:placed\n");
      expect(await before.client.frame()).to.include("receipt-id:placed");
      await portfolio.close();
      await start();

      const after = await investor("fabrice");
      let trades = await after.ask("/app/trades");
      while (trades[0].state === "placed") trades = await after.ask("/app/trades");
      expect(trades[0]).to.include({ state: "executed", action: "Sell", shares: 3 });
    });

    describe("when a trade cannot be", () => {
      for (const [what, trade, code, text] of [
        [
          "sells what one has not",
          ["GOOG", "Sell", 1],
          "not-owned",
          "You cannot sell 1 GOOG: you have none.",
        ],
        [
          "costs more than there is",
          ["GOOG", "Buy", 12],
          "overdraft",
          "12 GOOG cost $10,861.08, and you have $10,000.00.",
        ],
        [
          "is of a stock that is not there",
          ["XYZ", "Buy", 1],
          "unknown-ticker",
          "There is no stock with the ticker XYZ.",
        ],
        ["is of no shares", ["MSFT", "Buy", 0], "invalid", "shares"],
        ["is of half a share", ["MSFT", "Buy", 0.5], "invalid", "shares"],
        ["is of shares in words", ["MSFT", "Buy", "ten"], "invalid", "shares"],
        ["is of more shares than may be", ["MSFT", "Sell", 1e7], "invalid", "shares"],
        ["neither buys nor sells", ["MSFT", "Steal", 1], "invalid", "action"],
        ["has no ticker", [undefined, "Buy", 1], "invalid", "ticker"],
      ] as const) {
        it(`tells the session that sent one that ${what}`, async () => {
          const [here, there] = [await investor("fabrice"), await investor("fabrice")];
          here.trade(trade[0], trade[1], trade[2]);
          const { destination, body } = await here.next();

          expect(destination).to.equal("/user/queue/errors");
          expect(body.code).to.equal(code);
          expect(body.text).to.include(text);
          expect(await there.client.synchronize()).to.deep.equal([]);
          expect(await here.ask("/app/trades")).to.deep.equal([]);
        });
      }

      it("tells what is no JSON at all", async () => {
        const fabrice = await investor("fabrice");
        fabrice.client.send("SEND\ndestination:/app/trade\ncontent-type:application/json\n\n{buy!^@");

        expect((await fabrice.next()).body.code).to.equal("invalid");
      });

      it("tells all sessions of that user when it only comes out at its execution", async () => {
        const [here, there] = [await investor("fabrice"), await investor("fabrice")];
        here.trade("GOOG", "Buy", 7);
        here.trade("GOOG", "Buy", 7);

        for (const session of [here, there]) {
          const messages = [await session.next(), await session.next()];
          expect(messages.map(({ destination }) => destination)).to.deep.equal([
            "/user/queue/position-updates",
            "/user/queue/errors",
          ]);
          expect(messages[1]!.body).to.deep.include({ code: "rejected" });
          expect(messages[1]!.body.trade).to.include({ state: "rejected", shares: 7 });
        }
        expect((await here.ask("/app/positions")).cash).to.equal(10_000_00 - 7 * 905_09);
      });
    });
  });

  describe("when someone goes where nobody may", () => {
    let portfolio: PortfolioServer;
    let port: number;
    let cookie: string;

    before(async () => {
      const logger = recordingLogger();
      portfolio = await createPortfolio({ databaseUrl: await newFile(), quoteIntervalMs: NEVER, logger });
      port = await portfolio.listen(0, "127.0.0.1");
      cookie = await logIn(`http://127.0.0.1:${port}`, "fabrice");
    });

    after(() => portfolio.close());

    const otherLogin = () => logIn(`http://127.0.0.1:${port}`, "paulson");

    for (const destination of [
      "/topic/price.stock.MSFT",
      "/user/paulson/queue/errors",
      "/app/positions",
      "/app/other",
      "/elsewhere",
    ]) {
      it(`refuses a SEND to ${destination}`, async () => {
        const { client } = await Investor.connect(port, cookie);
        client.send(`SEND\ndestination:${destination}\n\n{"ticker":"MSFT","price":1,"round":9}^@`);

        expect(await client.frame())
          .to.match(/^ERROR\n/)
          .and.include(`message:Access denied\\c SEND ${destination}\n`);
      });
    }

    for (const destination of [
      "/topic/**",
      "/topic/price.stock.MSFT/more",
      "/user/queue/*",
      "/user/paulson/queue/errors",
      "/queue/x",
    ]) {
      it(`refuses a SUBSCRIBE of ${destination}`, async () => {
        const investor = await Investor.connect(port, cookie);
        investor.subscribe(destination);

        expect(await investor.client.frame())
          .to.match(/^ERROR\n/)
          .and.include(`message:Access denied\\c SUBSCRIBE ${destination}\n`);
      });
    }

    for (const [what, header] of [
      ["has no token", async () => ""],
      ["has the token of another login", async () => csrfHeader(port, await otherLogin())],
    ] as const) {
      it(`refuses a CONNECT that ${what}`, async () => {
        const token = await header();
        const options = { headers: { cookie } };
        const failure = await RawClient.connect(port, token, "/portfolio", options).catch(
          (error: Error) => error.message,
        );

        expect(failure).to.include("ERROR").and.include("The CSRF token is missing or wrong");
      });
    }

    it("hands strangers no token", async () => {
      expect((await fetch(`http://127.0.0.1:${port}/portfolio/csrf`)).status).to.equal(401);
    });

    it("answers a handshake of a stranger 401", async () => {
      const failure = await RawClient.open(port, "/portfolio").catch((error: Error) => error.message);

      expect(failure).to.equal("Unexpected server response: 401");
    });

    it("answers a handshake from another site's page 403", async () => {
      const options = { headers: { cookie }, origin: "https://evil.example" };
      const failure = await RawClient.open(port, "/portfolio", options).catch(
        (error: Error) => error.message,
      );

      expect(failure).to.equal("Unexpected server response: 403");
    });
  });
});
