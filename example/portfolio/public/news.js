import { money } from "./money.js";
import { fill, texts } from "./texts.js";

/** @import { Trade } from "../trade.js" */
/** @typedef {"good" | "bad" | "plain"} Kind */

const LIMIT = 30;
const TOAST_MS = 6000;

/** The events, the newest first; the newest also comes up for a moment, wherever one is on the page. */
export class News {
  #list;
  #toast = document.createElement("p");
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #fading;
  /** The trades whose end was told. */
  #told = new Set();

  /** @param {HTMLElement} list */
  constructor(list) {
    this.#list = list;
    this.#toast.className = "toast";
    this.#toast.hidden = true;
    // The list is read out already.
    this.#toast.setAttribute("aria-hidden", "true");
    document.body.append(this.#toast);
  }

  /**
   * @param {string} text
   * @param {Kind} [kind]
   */
  tell(text, kind = "plain") {
    this.#add(text, kind);
    this.#toast.textContent = text;
    this.#toast.dataset.kind = kind;
    this.#toast.hidden = false;
    clearTimeout(this.#fading);
    this.#fading = setTimeout(() => {
      this.#toast.hidden = true;
    }, TOAST_MS);
  }

  /**
   * Tells what became of a trade, once.
   *
   * @param {Trade} trade
   */
  tellTrade(trade) {
    if (this.#told.has(trade.id) || trade.state === "placed") return;

    this.#told.add(trade.id);
    this.tell(sentence(trade), trade.state === "executed" ? "good" : "bad");
  }

  /**
   * Shows trades of before without a word about each.
   *
   * @param {readonly Trade[]} trades
   */
  recall(trades) {
    for (const trade of trades.toReversed()) {
      if (this.#told.has(trade.id) || trade.state === "placed") continue;

      this.#told.add(trade.id);
      this.#add(sentence(trade), trade.state === "executed" ? "good" : "bad");
    }
  }

  /**
   * @param {string} text
   * @param {Kind} kind
   */
  #add(text, kind) {
    const item = document.createElement("li");
    item.dataset.kind = kind;
    item.textContent = text;
    this.#list.prepend(item);
    while (this.#list.children.length > LIMIT) this.#list.lastElementChild?.remove();
  }
}

/** @param {Trade} trade */
function sentence({ state, action, ticker, shares, price, reason }) {
  if (state === "rejected") {
    const text = texts.rejections[action];
    return text === undefined ? (reason ?? "") : fill(text, { ticker, shares });
  }
  return fill(action === "Buy" ? texts.Bought : texts.Sold, { shares, ticker, price: money(price ?? 0) });
}
