import { injectable } from "inversify";
import type { Transaction } from "kysely";
import { PortfolioDatabase } from "./database.js";
import type { Stock } from "./stocks.js";
import type { PortfolioTables } from "./tables.js";

/** A price of a stock, told on `/topic/price.stock.{ticker}`. */
export interface Quote {
  readonly ticker: string;
  /** Cents. */
  readonly price: number;
  /** Counts up: of two quotes of a stock the one with the higher round is the newer. */
  readonly round: number;
}

/** The last prices of a stock, the oldest first. */
export interface PriceHistory {
  readonly ticker: string;
  readonly company: string;
  readonly prices: readonly number[];
  /** The round of the last price. */
  readonly round: number;
}

export interface RoundOptions {
  readonly stocks: Iterable<Stock>;
  readonly intervalMs: number;
  /** Makes a price from the one before. */
  readonly next: (price: number, stock: Stock) => number;
}

const HISTORY_LENGTH = 60;

/** Keeps the quotes: the price of a stock is what the last one says, on whichever server it is asked for. */
@injectable()
export class QuoteRepository {
  constructor(private readonly database: PortfolioDatabase) {}

  /**
   * Makes the next round of quotes, when it is due. Each round is made by one
   * server, the first to ask; when that one is gone, the next round is another's.
   */
  makeRound({ stocks, intervalMs, next }: RoundOptions): Promise<Quote[]> {
    return this.database.transaction().execute(async (transaction) => {
      const now = Date.now();
      const won = await transaction
        .updateTable("quote_clock")
        .set((row) => ({ round: row("round", "+", 1), made_at: now }))
        .where("made_at", "<=", now - intervalMs)
        .returning("round")
        .executeTakeFirst();
      if (!won) return [];

      const { round } = won;
      const before = await pricesOf(transaction, round - 1);
      const quotes = [...stocks].map((stock) => {
        const last = before.get(stock.ticker);
        return { ticker: stock.ticker, round, price: last ? next(last, stock) : stock.openingPrice };
      });
      await transaction
        .insertInto("quote")
        .values(quotes.map((quote) => ({ ...quote, quoted_at: now })))
        .execute();
      await transaction
        .deleteFrom("quote")
        .where("round", "<=", round - HISTORY_LENGTH)
        .execute();
      return quotes;
    });
  }

  /** Gives the last prices of these stocks. */
  async findHistory(stocks: Iterable<Stock>): Promise<PriceHistory[]> {
    const rows = await this.database
      .selectFrom("quote")
      .select(["ticker", "price", "round"])
      .orderBy("round")
      .execute();
    return [...stocks].map(({ ticker, company }) => {
      const quotes = rows.filter((row) => row.ticker === ticker);
      return {
        ticker,
        company,
        prices: quotes.map(({ price }) => price),
        round: quotes.at(-1)?.round ?? 0,
      };
    });
  }
}

async function pricesOf(
  transaction: Transaction<PortfolioTables>,
  round: number,
): Promise<ReadonlyMap<string, number>> {
  const rows = await transaction
    .selectFrom("quote")
    .select(["ticker", "price"])
    .where("round", "=", round)
    .execute();
  return new Map(rows.map(({ ticker, price }) => [ticker, price]));
}
