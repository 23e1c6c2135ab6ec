import { once } from "node:events";
import { expect } from "chai";
import type { Browser } from "playwright-core";
import {
  type PortfolioServers,
  startPortfolioServers,
} from "../../../example/portfolio/portfolio-servers.js";
import type { Trade } from "../../../example/portfolio/trade.js";
import { onRabbitMq } from "../../support/brokers.js";
import { launchChromium } from "../../support/chromium.js";
import { type NewDatabase, newFile, onEachDatabase } from "../../support/databases.js";
import { onRedis } from "../../support/stores.js";
import { PageVisitor } from "../shared/page-visitor.js";
import { type AccountName, Investor, logIn, logOut } from "./investor.js";
import { Trader } from "./trader.js";

describe("the portfolio on two servers", function () {
  this.timeout(180_000);

  onRabbitMq((broker) => {
    const brokerUrl = () => {
      const { login, passcode, host, port } = broker();
      return `stomp://${login}:${passcode}@${host}:${port}`;
    };
    onEachDatabase((newDatabase) => describeServers(brokerUrl, newDatabase, { isWhole: true }));
  });

  onRedis((redis) => describeServers(() => `redis://127.0.0.1:${redis().port}`, newFile));
});

function describeServers(brokerUrl: () => string, newDatabase: NewDatabase, { isWhole = false } = {}): void {
  let servers: PortfolioServers;
  let origin: string;
  let traders: Trader[];
  let investors: Investor[];
  let browser: Browser | undefined;

  before(async () => {
    servers = await startPortfolioServers({
      count: 2,
      brokerUrl: brokerUrl(),
      databaseUrl: await newDatabase(),
      port: 0,
      host: "127.0.0.1",
    });
    origin = `http://127.0.0.1:${servers.port}`;
  });

  beforeEach(() => {
    [traders, investors] = [[], []];
  });

  afterEach(async () => {
    for (const trader of traders) await trader.close();
    for (const { client } of investors) client.cut();
  });

  after(async () => {
    await browser?.close();
    await servers.close();
  });

  /** Someone in a browser, by a session on this server. */
  async function traderOn(server: string, name: AccountName): Promise<Trader> {
    const trader = await Trader.open(browser!, origin, name);
    traders.push(trader);
    while ((await trader.serverName()) !== server) {
      await trader.page.reload();
      await trader.connected();
    }
    return trader;
  }

  /** Someone over the wire, by a session on this server. */
  async function investorOn(server: string, name: AccountName): Promise<Investor> {
    return sessionOn(server, await logIn(origin, name));
  }

  async function sessionOn(server: string, cookie: string): Promise<Investor> {
    for (;;) {
      const investor = await Investor.connect(servers.port, cookie);
      if ((await investor.ask("/app/server")).name === server) {
        investors.push(investor);
        return investor;
      }
      investor.client.cut();
    }
  }

  it("tells people on both servers the same prices, each once", async () => {
    const one = await investorOn("server 1", "fabrice");
    const two = await investorOn("server 2", "paulson");
    for (const investor of [one, two]) {
      investor.subscribe("/topic/price.stock.MSFT");
      await investor.client.synchronize();
    }
    const heard: Map<number, number>[] = [];
    for (const investor of [one, two]) {
      const quotes = [await investor.next(), await investor.next(), await investor.next()];
      heard.push(new Map(quotes.map(({ body }) => [body.round, body.price])));
    }

    for (const quotes of heard) expect(quotes.size).to.equal(3);
    const both = [...heard[0]!.keys()].filter((round) => heard[1]!.has(round));
    expect(both).to.have.length.at.least(2);
    for (const round of both) expect(heard[0]!.get(round)).to.equal(heard[1]!.get(round));
  });

  it("confirms a trade once in each session of its user, on whichever server", async () => {
    const here = await investorOn("server 1", "fabrice");
    const there = await investorOn("server 2", "fabrice");
    const other = await investorOn("server 2", "paulson");
    here.trade("MSFT", "Buy", 2);
    there.trade("MSFT", "Sell", 1);

    const told = [];
    for (const session of [here, there]) {
      const news = [await session.next(), await session.next()];
      expect(news.map(({ destination }) => destination)).to.deep.equal(
        Array(2).fill("/user/queue/position-updates"),
      );
      told.push(new Set(news.map(({ body }) => body.trade.id)));
      expect(await session.client.synchronize()).to.deep.equal([]);
    }
    expect(told[0]).to.have.length(2).and.to.deep.equal(told[1]);
    expect(await other.client.synchronize()).to.deep.equal([]);
  });

  it("knows on each server who is connected to any", async () => {
    await investorOn("server 1", "fabrice");
    await investorOn("server 2", "paulson");
    const visitor = new PageVisitor(origin);
    await visitor.logIn("fabrice", "fab123");

    // Both servers have their turns.
    for (let agreed = 0; agreed < 4; ) {
      const { body } = await visitor.get("/users");
      agreed = [...body].sort().join() === "fabrice,paulson" ? agreed + 1 : 0;
    }
  });

  it("cuts the connections of a login on all servers when one of them has seen it end", async () => {
    const desk = new PageVisitor(origin);
    await desk.logIn("fabrice", "fab123");
    const here = await sessionOn("server 1", desk.cookie());
    const there = await sessionOn("server 2", desk.cookie());
    const other = await investorOn("server 2", "fabrice");
    await logOut(desk);

    for (const { client } of [here, there]) {
      expect(await client.frame()).to.include("message:You have logged out.\n");
    }
    expect((await other.ask("/app/server")).name).to.equal("server 2");
  });

  if (!isWhole) return;

  it("lets nobody spend or sell twice by two servers", async () => {
    const here = await investorOn("server 1", "paulson");
    const there = await investorOn("server 2", "paulson");
    for (const session of [here, there]) {
      for (let i = 0; i < 2; i++) session.trade("GOOG", "Sell", 2);
      for (let i = 0; i < 2; i++) session.trade("RHT", "Sell", 5);
      await session.client.synchronize();
    }
    const results = await settledTrades(here);

    const sold = (ticker: string) =>
      results.filter((trade) => trade.state === "executed" && trade.ticker === ticker).length;
    expect(sold("GOOG")).to.equal(2);
    expect(sold("RHT")).to.equal(3);
    const { positions } = await here.ask("/app/positions");
    expect(positions).to.deep.include({ ticker: "GOOG", shares: 1, cost: 905_09 });
    expect(positions.map(({ ticker }: { ticker: string }) => ticker)).to.not.include("RHT");
  });

  it("lets two people in browsers trade, each on another server", async function () {
    browser ??= await launchChromium(this);
    const fabrice = await traderOn("server 1", "fabrice");
    const paulson = await traderOn("server 2", "paulson");
    await fabrice.seesPriceMove("MSFT");
    await paulson.seesPriceMove("VMW");

    await fabrice.trade("Buy", 3, "ORCL");
    await fabrice.isTold(/^Bought 3 ORCL at /);
    await paulson.trade("Sell", 3, "VMW");
    await paulson.isTold(/^Sold 3 VMW at /);
    await paulson.trade("Sell", 4, "ORCL");
    await paulson.isTold("You cannot sell 4 ORCL: you have none.");

    expect([...fabrice.faults, ...paulson.faults]).to.deep.equal([]);
  });

  it("goes on when one server is killed: its people are with the other, and prices move", async function () {
    browser ??= await launchChromium(this);
    const fabrice = await traderOn("server 1", "fabrice");
    const process = servers.processes.get("server 1")!;
    process.kill("SIGKILL");
    await once(process, "exit");

    await fabrice.page.waitForSelector("#connection:has-text('server 2')");
    await fabrice.seesPriceMove("MSFT");
    await fabrice.trade("Buy", 1, "DELL");
    await fabrice.isTold(/^Bought 1 DELL at /);
  });
}

describe("startPortfolioServers", () => {
  it("refuses a number of servers that is none", async () => {
    const options = { brokerUrl: "", databaseUrl: "", port: 0 };
    for (const count of [0, 1.5, Number("two")]) {
      const refusal = await startPortfolioServers({ count, ...options }).catch(
        (error: Error) => error.message,
      );
      expect(refusal).to.equal(`SERVERS is a whole number from 1, not ${count}`);
    }
  });
});

/** Waits until no trade waits any more, and gives the latest ones. */
async function settledTrades(investor: Investor): Promise<Trade[]> {
  for (;;) {
    const trades: Trade[] = await investor.ask("/app/trades");
    if (trades.every(({ state }) => state !== "placed")) return trades;
  }
}
