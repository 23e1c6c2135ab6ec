import { injectable } from "inversify";
import type { Kysely, Transaction } from "kysely";
import { PortfolioDatabase } from "./database.js";
import { STOCKS } from "./stocks.js";
import type { PortfolioTables } from "./tables.js";
import { type Portfolio, type Position, type Trade, TradeRejectedError, type TradeRequest } from "./trade.js";
import { heldAfter, type Means, whyNot } from "./trade-rules.js";

/** The outcome of a trade that was due. */
export interface TradeResult {
  readonly account: string;
  readonly trade: Trade;
  readonly portfolio: Portfolio;
}

const PLACED_LIMIT = 50;
const LATEST_COUNT = 10;
const TRADE_COLUMNS = ["id", "ticker", "action", "shares", "state", "price", "reason"] as const;

/** Keeps accounts, positions and trades. */
@injectable()
export class TradeRepository {
  constructor(private readonly database: PortfolioDatabase) {}

  findPortfolio(account: string): Promise<Portfolio> {
    return portfolioOf(this.database, account);
  }

  /** Gives the latest trades of an account, the newest first. */
  findLatest(account: string): Promise<Trade[]> {
    return this.database
      .selectFrom("trade")
      .select(TRADE_COLUMNS)
      .where("account_id", "=", (query) =>
        query.selectFrom("account").select("id").where("name", "=", account),
      )
      .orderBy("id", "desc")
      .limit(LATEST_COUNT)
      .execute();
  }

  /**
   * Keeps a trade to be executed later.
   *
   * @throws TradeRejectedError when it could not be executed now either
   */
  async place(account: string, request: TradeRequest, delayMs: number): Promise<Trade> {
    if (!STOCKS.has(request.ticker)) {
      throw new TradeRejectedError("unknown-ticker", `There is no stock with the ticker ${request.ticker}.`);
    }
    return this.database.transaction().execute(async (transaction) => {
      const { id, cash } = await lockAccount(transaction, account);
      const { placed } = await transaction
        .selectFrom("trade")
        .select((row) => row.fn.countAll<number>().as("placed"))
        .where("account_id", "=", id)
        .where("state", "=", "placed")
        .executeTakeFirstOrThrow();
      if (placed >= PLACED_LIMIT) {
        throw new TradeRejectedError(
          "too-many-trades",
          `${placed} trades wait to be executed. Wait for them.`,
        );
      }

      const rejection = whyNot(request, await meansOf(transaction, id, cash, request.ticker));
      if (rejection) throw rejection;

      const now = Date.now();
      return transaction
        .insertInto("trade")
        .values({ ...request, account_id: id, state: "placed", placed_at: now, due_at: now + delayMs })
        .returning(TRADE_COLUMNS)
        .executeTakeFirstOrThrow();
    });
  }

  /** Gives the trades that are due, the oldest first. */
  async findDue(): Promise<number[]> {
    const rows = await this.database
      .selectFrom("trade")
      .select("id")
      .where("state", "=", "placed")
      .where("due_at", "<=", Date.now())
      .orderBy("id")
      .limit(100)
      .execute();
    return rows.map(({ id }) => id);
  }

  /**
   * Executes a trade at the price of now, or rejects it, wholly or not at all.
   * Gives nothing when that was done before, by whichever server.
   */
  execute(tradeId: number): Promise<TradeResult | undefined> {
    return this.database.transaction().execute(async (transaction) => {
      const claimed = await transaction
        .updateTable("trade")
        .set({ state: "executed" })
        .where("id", "=", tradeId)
        .where("state", "=", "placed")
        .returning([...TRADE_COLUMNS, "account_id"])
        .executeTakeFirst();
      if (!claimed) return undefined;

      const { account_id, ...request } = claimed;
      const { name, cash } = await lockAccount(transaction, account_id);
      const means = await meansOf(transaction, account_id, cash, request.ticker);
      const rejection = whyNot(request, means);
      if (!rejection) await book(transaction, account_id, request, means);
      const trade = await transaction
        .updateTable("trade")
        .set(rejection ? { state: "rejected", reason: rejection.message } : { price: means.price })
        .where("id", "=", tradeId)
        .returning(TRADE_COLUMNS)
        .executeTakeFirstOrThrow();
      return { account: name, trade, portfolio: await portfolioOf(transaction, name) };
    });
  }
}

/** Moves cash and shares of an account that is locked. */
async function book(
  transaction: Transaction<PortfolioTables>,
  account_id: number,
  request: TradeRequest,
  means: Means,
): Promise<void> {
  const { action, ticker, shares } = request;
  const amount = shares * means.price;
  await transaction
    .updateTable("account")
    .set({ cash: means.cash + (action === "Buy" ? -amount : amount) })
    .where("id", "=", account_id)
    .execute();

  const left = heldAfter(request, means);
  if (left.shares === 0) {
    await transaction
      .deleteFrom("position")
      .where("account_id", "=", account_id)
      .where("ticker", "=", ticker)
      .execute();
  } else {
    await transaction
      .insertInto("position")
      .values({ account_id, ticker, ...left })
      .onConflict((conflict) => conflict.columns(["account_id", "ticker"]).doUpdateSet(left))
      .execute();
  }
}

/**
 * Takes an account for this transaction: another that wants it waits until this
 * one is done, so what is read behind it stays true. It must come before any
 * read: the embedded database lets no reader become a writer when others wrote.
 */
function lockAccount(transaction: Transaction<PortfolioTables>, nameOrId: string | number) {
  return transaction
    .updateTable("account")
    .set((row) => ({ version: row("version", "+", 1) }))
    .where(typeof nameOrId === "string" ? "name" : "id", "=", nameOrId)
    .returning(["id", "name", "cash"])
    .executeTakeFirstOrThrow();
}

async function meansOf(
  transaction: Transaction<PortfolioTables>,
  account_id: number,
  cash: number,
  ticker: string,
): Promise<Means> {
  const held = await transaction
    .selectFrom("position")
    .select(["shares", "cost"])
    .where("account_id", "=", account_id)
    .where("ticker", "=", ticker)
    .executeTakeFirst();
  const { price } = await transaction
    .selectFrom("quote")
    .select("price")
    .where("ticker", "=", ticker)
    .orderBy("round", "desc")
    .limit(1)
    .executeTakeFirstOrThrow();
  return { cash, held: held ?? { shares: 0, cost: 0 }, price };
}

async function portfolioOf(database: Kysely<PortfolioTables>, name: string): Promise<Portfolio> {
  // One statement, or a trade could be executed between the cash and the positions.
  const rows = await database
    .selectFrom("account")
    .leftJoin("position", "position.account_id", "account.id")
    .select(["version", "cash", "ticker", "shares", "cost"])
    .where("name", "=", name)
    .orderBy("ticker")
    .execute();
  const [first] = rows;
  if (!first) throw new Error(`There is no account of ${name}`);

  const positions = rows.flatMap(({ ticker, shares, cost }): Position[] =>
    ticker === null || shares === null || cost === null ? [] : [{ ticker, shares, cost }],
  );
  return { version: first.version, cash: first.cash, positions };
}
