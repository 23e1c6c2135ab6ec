import { money, showGain, trend } from "./money.js";
import { Sparkline } from "./sparkline.js";
import { count, fill, texts } from "./texts.js";

/** The table of stocks: what they cost, and what of them one has. */
export class Market {
  #body;
  #totals;
  #trade;
  /** Each stock's price, chart and cells, by ticker. */
  #stocks = new Map();
  #portfolio = { version: -1, cash: 0, positions: [] };

  /** @param trade is called with a stock and "Buy" or "Sell" when someone asks for it */
  constructor(body, totals, trade) {
    this.#body = body;
    this.#totals = totals;
    this.#trade = trade;
  }

  /** Shows all stocks, with the prices they had. */
  load(histories) {
    this.#body.replaceChildren();
    for (const history of histories) this.#addRow(history);
    this.#showHoldings();
  }

  /** Shows a new price. What the history had already, or a newer quote made old, is passed over. */
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

  /** Shows cash and positions, unless newer ones were shown. */
  hold(portfolio) {
    if (portfolio.version < this.#portfolio.version) return;

    this.#portfolio = portfolio;
    this.#showHoldings();
  }

  /** Tells what is needed to decide about a trade. */
  means(ticker) {
    const { price } = this.#stocks.get(ticker);
    return { price, cash: this.#portfolio.cash, shares: this.#positionOf(ticker)?.shares ?? 0 };
  }

  #addRow({ ticker, company, prices, round }) {
    const sparkline = new Sparkline(prices);
    const price = prices.at(-1) ?? 0;
    const cells = {
      price: make("td", "price", money(price)),
      shares: make("td", "shares"),
      value: make("td", "value"),
      gain: make("td", "gain"),
    };
    for (const [name, cell] of Object.entries(cells)) cell.dataset.label = texts[name];

    const name = make("th", "stock");
    name.scope = "row";
    name.append(make("span", "ticker", ticker), make("span", "company", company));
    const chart = make("td", "chart");
    chart.append(sparkline.element);
    const actions = make("td", "actions");
    for (const action of ["Buy", "Sell"]) {
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

  #positionOf(ticker) {
    return this.#portfolio.positions.find((position) => position.ticker === ticker);
  }

  #flash(cell, moved) {
    cell.classList.remove("up", "down");
    // Read, so that the animation begins anew.
    void cell.offsetWidth;
    if (moved !== "even") cell.classList.add(moved);
  }
}

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}
