import { expect } from "chai";
import {
  type TestClient,
  type TestMessaging,
  type TestSubscription,
  testMessaging,
} from "express-stomp/testing";
import { createPortfolio, type PortfolioServer } from "../../../example/portfolio/app.js";
import { STOCKS } from "../../../example/portfolio/stocks.js";
import { newFile, onEachDatabase } from "../../support/databases.js";
import { recordingLogger } from "../../support/recording.js";
import { type AccountName, csrfOf, logIn } from "./investor.js";

/** Prices stand still for so long. */
const NEVER = 3_600_000;
const UPDATES = "/user/queue/position-updates";
const ERRORS = "/user/queue/errors";

interface StartOptions {
  readonly tradeDelayMs?: number;
  readonly quoteIntervalMs?: number;
}

/** A portfolio whose pages are asked for over a port, while messages come over lines in memory. */
class Stage {
  readonly stomp: TestMessaging;
  readonly origin: string;
  readonly #portfolio: PortfolioServer;

  private constructor(portfolio: PortfolioServer, stomp: TestMessaging, origin: string) {
    this.#portfolio = portfolio;
    this.stomp = stomp;
    this.origin = origin;
  }

  static async open(databaseUrl: string, options: StartOptions = {}): Promise<Stage> {
    const still = { tradeDelayMs: 20, quoteIntervalMs: NEVER, logger: recordingLogger() };
    const portfolio = await createPortfolio({ databaseUrl, ...still, ...options });
    const origin = `http://127.0.0.1:${await portfolio.listen(0, "127.0.0.1")}`;
    // A trade is executed by the process's clock, and the machine may be busy.
    const stomp = await testMessaging(portfolio.app, portfolio.messaging, { within: 10_000 });
    return new Stage(portfolio, stomp, origin);
  }

  /** Somebody who is logged in, and hears of their own trades. */
  async investor(name: AccountName, cookie?: string): Promise<Investor> {
    return Investor.connect(this, cookie ?? (await logIn(this.origin, name)));
  }

  async close(): Promise<void> {
    await this.stomp.close();
    await this.#portfolio.close();
  }
}

class Investor {
  readonly client: TestClient;
  readonly updates: TestSubscription;
  readonly errors: TestSubscription;

  private constructor(client: TestClient, updates: TestSubscription, errors: TestSubscription) {
    this.client = client;
    this.updates = updates;
    this.errors = errors;
  }

  static async connect({ stomp, origin }: Stage, cookie: string): Promise<Investor> {
    const headers = await csrfOf(origin, cookie);
    const client = await stomp.connect({ requestHeaders: { cookie }, headers });
    return new Investor(client, await client.subscribe(UPDATES), await client.subscribe(ERRORS));
  }

  trade(ticker: unknown, action: string, shares: unknown): Promise<void> {
    return this.client.send("/app/trade", { ticker, action, shares });
  }

  /** Subscribes to what is answered once. */
  // biome-ignore lint/suspicious/noExplicitAny: each spec knows what it has asked for
  async ask(destination: string): Promise<any> {
    return (await this.client.subscribe(destination)).next();
  }

  /** Has heard nothing. */
  async nothing(): Promise<void> {
    await this.updates.nothing();
    await this.errors.nothing();
  }
}

// biome-ignore lint/suspicious/noExplicitAny: as above
type Told = any;

describe("the portfolio's messages", () => {
  onEachDatabase((newDatabase) => {
    let url: string;
    let stage: Stage;

    beforeEach(async () => {
      url = await newDatabase();
      stage = await Stage.open(url);
    });

    afterEach(() => stage.close());

    async function restart(options?: StartOptions) {
      await stage.close();
      stage = await Stage.open(url, options);
    }

    it("tells those who ask, and nobody else, what they have", async () => {
      const [fabrice, paulson] = [await stage.investor("fabrice"), await stage.investor("paulson")];
      const answer = await fabrice.ask("/app/positions");

      expect(answer).to.include({ cash: 10_000_00, version: 0 });
      expect(answer.positions).to.deep.include({ ticker: "MSFT", shares: 33, cost: 33 * 34_15 });
      expect(answer.positions).to.have.length(4);
      await paulson.nothing();
    });

    it("tells the prices that were, and each that comes", async () => {
      await restart({ quoteIntervalMs: 20 });
      const fabrice = await stage.investor("fabrice");
      const prices = await fabrice.client.subscribe("/topic/price.stock.MSFT");
      const [first, second] = [await prices.next<Told>(), await prices.next<Told>()];

      expect(first).to.have.keys("ticker", "price", "round");
      expect(second.round).to.equal(first.round + 1);

      const histories = await (await stage.investor("paulson")).ask("/app/quotes");
      expect(histories).to.have.length(STOCKS.size);
      expect(histories[4].ticker).to.equal("MSFT");
      expect(histories[4].prices).to.include.members([first.price, second.price]);
    });

    it("executes a trade after a while, and confirms it in all sessions of that user only", async () => {
      const [here, there] = [await stage.investor("fabrice"), await stage.investor("fabrice")];
      const paulson = await stage.investor("paulson");
      await here.trade("MSFT", "Buy", 10);

      for (const { updates } of [here, there]) {
        const { trade, portfolio } = await updates.next<Told>();
        expect(trade).to.include({ ticker: "MSFT", action: "Buy", shares: 10, price: 34_15 });
        expect(portfolio.cash).to.equal(10_000_00 - 341_50);
        expect(portfolio.positions).to.deep.include({ ticker: "MSFT", shares: 43, cost: 43 * 34_15 });
      }
      expect(await here.ask("/app/trades")).to.have.length(1);
      await paulson.nothing();
    });

    it("executes what was placed before a restart", async () => {
      await restart({ tradeDelayMs: 300 });
      await (await stage.investor("fabrice")).trade("MSFT", "Sell", 3);
      await restart();

      const after = await stage.investor("fabrice");
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
          const [here, there] = [await stage.investor("fabrice"), await stage.investor("fabrice")];
          await here.trade(trade[0], trade[1], trade[2]);
          const told = await here.errors.next<Told>();

          expect(told.code).to.equal(code);
          expect(told.text).to.include(text);
          await there.nothing();
          expect(await here.ask("/app/trades")).to.deep.equal([]);
        });
      }

      it("tells what is no JSON at all", async () => {
        const { client, errors } = await stage.investor("fabrice");
        await client.send("/app/trade", "{buy!", { "content-type": "application/json" });

        expect(await errors.next<Told>()).to.include({ code: "invalid" });
      });

      it("tells all sessions of that user when it only comes out at its execution", async () => {
        const [here, there] = [await stage.investor("fabrice"), await stage.investor("fabrice")];
        for (let i = 0; i < 2; i++) await here.trade("GOOG", "Buy", 7);

        for (const { client, errors } of [here, there]) {
          const told = await errors.next<Told>();
          expect(told).to.deep.include({ code: "rejected" });
          expect(told.trade).to.include({ state: "rejected", shares: 7 });
          const heard = client.frames.filter(({ command }) => command === "MESSAGE");
          expect(heard.map(({ headers }) => headers.destination)).to.deep.equal([UPDATES, ERRORS]);
        }
        expect((await here.ask("/app/positions")).cash).to.equal(10_000_00 - 7 * 905_09);
      });
    });
  });

  describe("when someone goes where nobody may", () => {
    let stage: Stage;
    let cookie: string;

    before(async () => {
      stage = await Stage.open(await newFile());
      cookie = await logIn(stage.origin, "fabrice");
    });

    after(() => stage.close());

    for (const destination of [
      "/topic/price.stock.MSFT",
      "/user/paulson/queue/errors",
      "/app/positions",
      "/app/other",
      "/elsewhere",
    ]) {
      it(`refuses a SEND to ${destination}`, async () => {
        const { client } = await stage.investor("fabrice", cookie);
        const told = await client.refused(destination, "", { body: { ticker: "MSFT", price: 1, round: 9 } });

        expect(told).to.equal(`Access denied: SEND ${destination}`);
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
        const { client } = await stage.investor("fabrice", cookie);
        const told = await client.refused(destination, "", { command: "SUBSCRIBE" });

        expect(told).to.equal(`Access denied: SUBSCRIBE ${destination}`);
      });
    }

    for (const [what, headers] of [
      ["has no token", async () => ({})],
      [
        "has the token of another login",
        async () => csrfOf(stage.origin, await logIn(stage.origin, "paulson")),
      ],
    ] as const) {
      it(`refuses a CONNECT that ${what}`, async () => {
        const options = { requestHeaders: { cookie }, headers: await headers() };
        await stage.stomp.refused(options, "The CSRF token is missing or wrong");
      });
    }

    it("hands strangers no token", async () => {
      expect((await fetch(`${stage.origin}/portfolio/csrf`)).status).to.equal(401);
    });

    it("answers a handshake of a stranger 401", async () => {
      await stage.stomp.refused({}, "401");
    });

    it("answers a handshake from another site's page 403", async () => {
      await stage.stomp.refused({ requestHeaders: { cookie }, origin: "https://evil.example" }, "403");
    });
  });
});
