import { dollars, grouped } from "./stocks.js";
import { TradeRejectedError, type TradeRequest } from "./trade.js";

/** Shares of one stock, and what they were bought for, in cents. */
export interface Holding {
  readonly shares: number;
  readonly cost: number;
}

export interface Means {
  readonly cash: number;
  readonly held: Holding;
  /** The price of a share now. */
  readonly price: number;
}

/** Tells why an account cannot make a trade; nothing when it can. */
export function whyNot(
  { action, ticker, shares }: TradeRequest,
  { cash, held, price }: Means,
): TradeRejectedError | undefined {
  if (action === "Sell" && held.shares < shares) {
    const own = held.shares === 0 ? "none" : grouped(held.shares);
    return new TradeRejectedError(
      "not-owned",
      `You cannot sell ${grouped(shares)} ${ticker}: you have ${own}.`,
    );
  }
  if (action === "Buy" && cash < shares * price) {
    const cost = dollars(shares * price);
    return new TradeRejectedError(
      "overdraft",
      `${grouped(shares)} ${ticker} cost ${cost}, and you have ${dollars(cash)}.`,
    );
  }
  return undefined;
}

/** Gives what is held after a trade; what is sold takes its part of the cost with it. */
export function heldAfter({ action, shares }: TradeRequest, { held, price }: Means): Holding {
  return action === "Buy"
    ? { shares: held.shares + shares, cost: held.cost + shares * price }
    : { shares: held.shares - shares, cost: Math.round(held.cost * (1 - shares / held.shares)) };
}
