import { find } from "/public/elements.js";
import { money } from "./money.js";
import { fill, texts } from "./texts.js";

/** @import { TradeAction, TradeRequest } from "../trade.js" */
/** @import { TradedStock } from "./market.js" */

/**
 * @typedef {object} TradeDialogOptions
 * @property {(ticker: string) => { price: number, cash: number, shares: number }} means tells what is needed to decide
 * @property {(trade: TradeRequest) => boolean} place sends a trade, and tells whether that could be done
 */

/** Asks how many shares to buy or sell, and tells what that comes to. */
export class TradeDialog {
  #dialog;
  #form;
  #shares;
  #title;
  #company;
  #price;
  #estimate;
  #button;
  #options;
  /** @type {string | undefined} */
  #ticker;

  /**
   * @param {HTMLDialogElement} dialog
   * @param {TradeDialogOptions} options
   */
  constructor(dialog, options) {
    this.#dialog = dialog;
    this.#options = options;
    this.#form = find("form", HTMLFormElement, dialog);
    this.#shares = find("[name=shares]", HTMLInputElement, dialog);
    this.#title = find("#dialog-title", HTMLElement, dialog);
    this.#company = find("#dialog-company", HTMLElement, dialog);
    this.#price = find("#dialog-price", HTMLElement, dialog);
    this.#estimate = find("#estimate", HTMLElement, dialog);
    this.#button = find("#submit", HTMLButtonElement, dialog);
    this.#form.addEventListener("input", () => this.refresh());
    this.#form.addEventListener("submit", (event) => this.#submit(event));
    find("#cancel", HTMLElement, dialog).addEventListener("click", () => dialog.close());
  }

  /**
   * @param {TradedStock} stock
   * @param {TradeAction} action
   */
  open({ ticker, company }, action) {
    this.#ticker = ticker;
    this.#form.reset();
    find(`[name=action][value=${action}]`, HTMLInputElement, this.#form).checked = true;
    this.#title.textContent = ticker;
    this.#company.textContent = company;
    this.refresh();
    this.#dialog.showModal();
    this.#shares.focus();
  }

  /** Shows the price of now, and what the shares come to; what is too much the server will say. */
  refresh() {
    if (this.#ticker === undefined) return;

    const { price, cash, shares: held } = this.#options.means(this.#ticker);
    const action = this.#action;
    this.#price.textContent = money(price);

    const amount = this.#shares.valueAsNumber * price;
    const estimate = Number.isNaN(amount) ? "" : fill(texts[`${action}Estimate`], { amount: money(amount) });
    const means = fill(texts[`${action}Means`], { cash: money(cash), shares: held });
    this.#estimate.textContent = [estimate, means].filter(Boolean).join(" ");
    this.#button.textContent = texts[action];
  }

  /** @returns {TradeAction} */
  get #action() {
    return find("[name=action][value=Sell]", HTMLInputElement, this.#form).checked ? "Sell" : "Buy";
  }

  /** @param {Event} event */
  #submit(event) {
    event.preventDefault();
    if (this.#ticker === undefined) return;
    const trade = { ticker: this.#ticker, action: this.#action, shares: this.#shares.valueAsNumber };
    if (this.#options.place(trade)) this.#dialog.close();
    else this.#estimate.textContent = texts.notConnected;
  }
}
