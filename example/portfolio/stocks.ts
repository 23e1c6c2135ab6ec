/** The stocks that can be traded. Money is in cents everywhere but on the page. */
export interface Stock {
  readonly ticker: string;
  readonly company: string;
  readonly openingPrice: number;
}

const LIST: readonly Stock[] = [
  { ticker: "CTXS", company: "Citrix Systems, Inc.", openingPrice: 24_30 },
  { ticker: "DELL", company: "Dell Inc.", openingPrice: 13_44 },
  { ticker: "EMC", company: "EMC Corporation", openingPrice: 24_30 },
  { ticker: "GOOG", company: "Google Inc.", openingPrice: 905_09 },
  { ticker: "MSFT", company: "Microsoft", openingPrice: 34_15 },
  { ticker: "ORCL", company: "Oracle", openingPrice: 31_22 },
  { ticker: "RHT", company: "Red Hat", openingPrice: 48_30 },
  { ticker: "VMW", company: "VMware, Inc.", openingPrice: 65_58 },
];

/** All stocks, by ticker. */
export const STOCKS: ReadonlyMap<string, Stock> = new Map(LIST.map((stock) => [stock.ticker, stock]));

/** Lets a price wander by up to 1.2 %, and drift back to where it opened. */
export function nextPrice(price: number, { openingPrice }: Stock, random: () => number): number {
  const swing = price * 0.012 * (2 * random() - 1);
  return Math.max(1, Math.round(price + swing + 0.02 * (openingPrice - price)));
}

/** Writes cents as dollars, for people. */
export function dollars(cents: number): string {
  return FORMAT.format(cents / 100);
}

/** Writes a number with its digits in groups, for people. */
export function grouped(count: number): string {
  return COUNT.format(count);
}

const COUNT = new Intl.NumberFormat("en-US");
const FORMAT = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" });
