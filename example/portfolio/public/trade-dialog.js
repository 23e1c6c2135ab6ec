import { money } from "./money.js";

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
    const buying = this.#form.action.value === "Buy";
    this.#parts.price.textContent = money(price);

    const shares = this.#form.shares.valueAsNumber;
    const amount = Number.isNaN(shares)
      ? ""
      : `${buying ? "Costs" : "Brings"} about ${money(shares * price)}. `;
    const means = buying ? `You have ${money(cash)}.` : `You have ${held} shares.`;
    this.#dialog.querySelector("#estimate").textContent = amount + means;
    this.#dialog.querySelector("#submit").textContent = this.#form.action.value;
  }

  #submit(event) {
    event.preventDefault();
    const trade = {
      ticker: this.#ticker,
      action: this.#form.action.value,
      shares: this.#form.shares.valueAsNumber,
    };
    if (this.#options.place(trade)) this.#dialog.close();
    else
      this.#dialog.querySelector("#estimate").textContent = "There is no connection. Try again in a moment.";
  }
}
