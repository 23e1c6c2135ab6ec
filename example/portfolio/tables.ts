import type { Generated } from "kysely";
import type { LoginTables } from "../shared/database.js";
import type { TradeAction, TradeState } from "./trade.js";

/** The tables of the portfolio. Times are milliseconds since 1970, money is in cents. */
export interface PortfolioTables extends LoginTables {
  account: {
    id: Generated<number>;
    name: string;
    password_hash: string;
    cash: number;
    /** Counts up with each trade: of two portfolios the one with the higher number is the newer. */
    version: number;
  };
  position: { account_id: number; ticker: string; shares: number; cost: number };
  trade: {
    id: Generated<number>;
    account_id: number;
    ticker: string;
    action: TradeAction;
    shares: number;
    state: TradeState;
    price: number | null;
    reason: string | null;
    placed_at: number;
    due_at: number;
  };
  quote: { round: number; ticker: string; price: number; quoted_at: number };
  /** One row: which round of quotes was the last, and when it was made. */
  quote_clock: { id: number; round: number; made_at: number };
}
