import type { Browser, Page } from "playwright-core";
import type { TradeAction } from "../../../example/portfolio/trade.js";
import { type OpenPage, openPage, type PageOptions } from "../shared/open-page.js";
import { type AccountName, passwordOf } from "./investor.js";

/** A person at the portfolio's page, in a browser of their own. */
export class Trader {
  readonly page: Page;
  readonly faults: readonly string[];
  readonly #name: AccountName;
  readonly #opened: OpenPage;

  private constructor(name: AccountName, opened: OpenPage) {
    this.#name = name;
    this.#opened = opened;
    this.page = opened.page;
    this.faults = opened.faults;
  }

  /** Logs in, and waits until the page is connected. */
  static async open(
    browser: Browser,
    origin: string,
    name: AccountName,
    options: PageOptions = {},
  ): Promise<Trader> {
    const trader = new Trader(name, await openPage(browser, options));
    await trader.page.goto(origin);
    await trader.logIn();
    await trader.connected();
    return trader;
  }

  async logIn(password = passwordOf(this.#name)): Promise<void> {
    await this.page.fill("[name=name]", this.#name);
    await this.page.fill("[name=password]", password);
    await this.page.click("text=Log in");
  }

  async logOut(): Promise<this> {
    await this.page.click(".who button");
    await this.page.waitForURL("**/login");
    return this;
  }

  /** Waits until the page has its prices and positions. */
  async connected(): Promise<void> {
    await this.page.waitForSelector("#connection[data-state=connected]", { state: "attached" });
    await this.page.waitForSelector("#cash:has-text('$')");
  }

  /** The server that has the session; nothing when there is only one. */
  async serverName(): Promise<string | undefined> {
    return /· (.*)$/.exec((await this.page.textContent("#connection")) ?? "")?.[1];
  }

  async trade(action: TradeAction, shares: number, ticker: string): Promise<void> {
    await this.page.click(`[aria-label='${action} ${ticker}']`);
    await this.page.fill("[name=shares]", String(shares));
    await this.page.click("#submit");
  }

  /** Waits for a message of exactly this text. */
  async isTold(text: string | RegExp): Promise<void> {
    await this.page.locator("#news li").filter({ hasText: text }).first().waitFor();
  }

  messages(): Promise<string[]> {
    return this.page.locator("#news li").allTextContents();
  }

  /** Waits until another price stands there, and the line has been drawn on. */
  async seesPriceMove(ticker: string): Promise<void> {
    const row = this.page.locator(`[data-ticker=${ticker}]`);
    const [price, line] = [await row.locator(".price").textContent(), await this.#line(ticker)];
    await row.locator(".price").filter({ hasNotText: price! }).waitFor();
    if ((await this.#line(ticker)) === line) throw new Error(`the line of ${ticker} stands still`);
  }

  async shares(ticker: string): Promise<string | null> {
    return this.page.locator(`[data-ticker=${ticker}] .shares`).textContent();
  }

  close(): Promise<void> {
    return this.#opened.close();
  }

  #line(ticker: string): Promise<string | null> {
    return this.page.locator(`[data-ticker=${ticker}] .line`).getAttribute("d");
  }
}
