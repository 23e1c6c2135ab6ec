import { money, showGain, trend } from "./money.js";
import { Sparkline } from "./sparkline.js";
import { count, fill, texts } from "./texts.js";

/** @import { PriceHistory, Quote } from "../quote-repository.js" */
/** @import { Portfolio, TradeAction } from "../trade.js" */
/** @typedef {Record<"price" | "shares" | "value" | "gain", HTMLTableCellElement>} Cells */
/** @typedef {{ price: number, round: number, sparkline: Sparkline, cells: Cells }} ShownStock */
/** @typedef {Pick<PriceHistory, "ticker" | "company">} TradedStock */

/** The table of stocks: what they cost, and what of them one has. */
export class Market {
  #body;
  #totals;
  #trade;
  /**
   * Each stock's price, chart and cells, by ticker.
   *
   * @type {Map<string, ShownStock>}
   */
  #stocks = new Map();
  /** @type {Portfolio} */
  #portfolio = { version: -1, cash: 0, positions: [] };

  /**
   * @param {HTMLElement} body
   * @param {Record<"total" | "invested" | "cash" | "gain", HTMLElement>} totals
   * @param {(stock: TradedStock, action: TradeAction) => void} trade is called when someone asks for it
   */
  constructor(body, totals, trade) {
    this.#body = body;
    this.#totals = totals;
    this.#trade = trade;
  }

  /**
   * Shows all stocks, with the prices they had.
   *
   * @param {readonly PriceHistory[]} histories
   */
  load(histories) {
    this.#body.replaceChildren();
    for (const history of histories) this.#addRow(history);
    this.#showHoldings();
  }

  /**
   * Shows a new price. What the history had already, or a newer quote made old, is passed over.
   *
   * @param {Quote} quote
   */
  quote({ ticker, price, round }) {
    const stock = this.#stocks.get(ticker);
    if (!stock || round <= stock.round) return;

    const moved = trend(price - stock.price);
    stock.price = price;
    stock.round = round;
    stock.sparkline.add(price);
    stock.cells.price.textContent = money(price);
    this.#flash(stock.cells.price, moved);
    this.#showHoldings();
  }

  /**
   * Shows cash and positions, unless newer ones were shown.
   *
   * @param {Portfolio} portfolio
   */
  hold(portfolio) {
    if (portfolio.version < this.#portfolio.version) return;

    this.#portfolio = portfolio;
    this.#showHoldings();
  }

  /**
   * Tells what is needed to decide about a trade.
   *
   * @param {string} ticker
   */
  means(ticker) {
    const price = this.#stocks.get(ticker)?.price ?? 0;
    return { price, cash: this.#portfolio.cash, shares: this.#positionOf(ticker)?.shares ?? 0 };
  }

  /** @param {PriceHistory} history */
  #addRow({ ticker, company, prices, round }) {
    const sparkline = new Sparkline(prices);
    const price = prices.at(-1) ?? 0;
    const cells = {
      price: make("td", "price", money(price)),
      shares: make("td", "shares"),
      value: make("td", "value"),
      gain: make("td", "gain"),
    };
    for (const name of CELLS) cells[name].dataset.label = texts[name];

    const name = make("th", "stock");
    name.scope = "row";
    name.append(make("span", "ticker", ticker), make("span", "company", company));
    const chart = make("td", "chart");
    chart.append(sparkline.element);
    const actions = make("td", "actions");
    for (const action of ACTIONS) {
      const button = make("button", action === "Buy" ? "small" : "small plain", texts[action]);
      button.type = "button";
      button.setAttribute("aria-label", fill(texts[`${action}Stock`], { ticker }));
      button.addEventListener("click", () => this.#trade({ ticker, company }, action));
      actions.append(button);
    }

    const row = make("tr");
    row.dataset.ticker = ticker;
    row.append(name, chart, cells.price, cells.shares, cells.value, cells.gain, actions);
    this.#body.append(row);
    this.#stocks.set(ticker, { price, round, sparkline, cells });
  }

  #showHoldings() {
    let [invested, cost] = [0, 0];
    for (const [ticker, { price, cells }] of this.#stocks) {
      const position = this.#positionOf(ticker);
      const value = (position?.shares ?? 0) * price;
      cells.shares.textContent = position ? count(position.shares) : "–";
      cells.value.textContent = position ? money(value) : "–";
      if (position) showGain(cells.gain, value - position.cost);
      else cells.gain.textContent = "–";
      invested += value;
      cost += position?.cost ?? 0;
    }
    if (this.#portfolio.version < 0 || this.#stocks.size === 0) return;

    this.#totals.total.textContent = money(invested + this.#portfolio.cash);
    this.#totals.invested.textContent = money(invested);
    this.#totals.cash.textContent = money(this.#portfolio.cash);
    showGain(this.#totals.gain, invested - cost);
  }

  /** @param {string} ticker */
  #positionOf(ticker) {
    return this.#portfolio.positions.find((position) => position.ticker === ticker);
  }

  /**
   * @param {HTMLElement} cell
   * @param {ReturnType<typeof trend>} moved
   */
  #flash(cell, moved) {
    cell.classList.remove("up", "down");
    // Read, so that the animation begins anew.
    void cell.offsetWidth;
    if (moved !== "even") cell.classList.add(moved);
  }
}

/** @type {(keyof Cells)[]} */
const CELLS = ["price", "shares", "value", "gain"];
/** @type {TradeAction[]} */
const ACTIONS = ["Buy", "Sell"];

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {string} [className]
 * @param {string} [text]
 */
function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}
