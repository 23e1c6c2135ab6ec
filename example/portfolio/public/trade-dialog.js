import { money } from "./money.js";
import { fill, texts } from "./texts.js";

/** Asks how many shares to buy or sell, and tells what that comes to. */
export class TradeDialog {
  #dialog;
  #form;
  #parts;
  #options;
  #ticker;

  /**
   * @param options `means(ticker)` tells price, cash and shares; `place(trade)`
   *   sends a trade, and tells whether that could be done
   */
  constructor(dialog, options) {
    this.#dialog = dialog;
    this.#options = options;
    this.#form = dialog.querySelector("form");
    this.#parts = Object.fromEntries(
      ["title", "company", "price"].map((name) => [name, dialog.querySelector(`#dialog-${name}`)]),
    );
    this.#form.addEventListener("input", () => this.refresh());
    this.#form.addEventListener("submit", (event) => this.#submit(event));
    dialog.querySelector("#cancel").addEventListener("click", () => dialog.close());
  }

  open({ ticker, company }, action) {
    this.#ticker = ticker;
    this.#form.reset();
    this.#form.action.value = action;
    this.#parts.title.textContent = ticker;
    this.#parts.company.textContent = company;
    this.refresh();
    this.#dialog.showModal();
    this.#form.shares.focus();
  }

  /** Shows the price of now, and what the shares come to; what is too much the server will say. */
  refresh() {
    if (this.#ticker === undefined) return;

    const { price, cash, shares: held } = this.#options.means(this.#ticker);
    const action = this.#form.action.value;
    this.#parts.price.textContent = money(price);

    const amount = this.#form.shares.valueAsNumber * price;
    const estimate = Number.isNaN(amount) ? "" : fill(texts[`${action}Estimate`], { amount: money(amount) });
    const means = fill(texts[`${action}Means`], { cash: money(cash), shares: held });
    this.#dialog.querySelector("#estimate").textContent = [estimate, means].filter(Boolean).join(" ");
    this.#dialog.querySelector("#submit").textContent = texts[action];
  }

  #submit(event) {
    event.preventDefault();
    const trade = {
      ticker: this.#ticker,
      action: this.#form.action.value,
      shares: this.#form.shares.valueAsNumber,
    };
    if (this.#options.place(trade)) this.#dialog.close();
    else this.#dialog.querySelector("#estimate").textContent = texts.notConnected;
  }
}
