import type { Browser } from "playwright-core";
import type { TradeAction } from "../../../example/portfolio/trade.js";
import { BrowserPerson, type OpenPage, openPage, type PageOptions } from "../shared/browser-person.js";
import { type AccountName, passwordOf } from "./investor.js";

/** A person at the portfolio's page, in a browser of their own. */
export class Trader extends BrowserPerson {
  readonly #name: AccountName;

  private constructor(name: AccountName, opened: OpenPage) {
    super(opened);
    this.#name = name;
  }

  /** Logs in, and waits until the page is connected. */
  static async open(
    browser: Browser,
    origin: string,
    name: AccountName,
    options?: PageOptions,
  ): Promise<Trader> {
    const trader = new Trader(name, await openPage(browser, options));
    await trader.page.goto(origin);
    await trader.logIn();
    await trader.connected();
    return trader;
  }

  async logIn(password = passwordOf(this.#name)): Promise<void> {
    await this.fillLogin(this.#name, password);
    await this.page.click("button.primary");
  }

  async logOut(): Promise<this> {
    await this.page.click(".who button");
    await this.page.waitForURL("**/login");
    return this;
  }

  /** Waits until the page has its prices and positions. */
  override async connected(): Promise<void> {
    await super.connected();
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
    // The line first: a quote that comes in between would make it newer than the price.
    const line = await this.#line(ticker);
    const price = await row.locator(".price").textContent();
    await row.locator(".price").filter({ hasNotText: price! }).waitFor();
    if ((await this.#line(ticker)) === line) throw new Error(`the line of ${ticker} stands still`);
  }

  async shares(ticker: string): Promise<string | null> {
    return this.page.locator(`[data-ticker=${ticker}] .shares`).textContent();
  }

  #line(ticker: string): Promise<string | null> {
    return this.page.locator(`[data-ticker=${ticker}] .line`).getAttribute("d");
  }
}
