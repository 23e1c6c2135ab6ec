import { z } from "zod";

/** The order that a client sends to `/app/trade`. */
export const tradeSchema = z.object({
  ticker: z.string(),
  action: z.enum(["Buy", "Sell"]),
  shares: z.number().int().min(1).max(1_000_000),
});

export type TradeRequest = z.infer<typeof tradeSchema>;
export type TradeAction = TradeRequest["action"];

/** A trade is placed, and after a while executed, or rejected. */
export type TradeState = "placed" | "executed" | "rejected";

export interface Trade extends TradeRequest {
  readonly id: number;
  readonly state: TradeState;
  /** The price of a share, in cents, once executed. */
  readonly price: number | null;
  /** Why it was rejected. */
  readonly reason: string | null;
}

export interface Position {
  readonly ticker: string;
  readonly shares: number;
  /** The price that these shares were bought for, in cents. */
  readonly cost: number;
}

export interface Portfolio {
  /** Of two portfolios of one account the one with the higher version is the newer. */
  readonly version: number;
  /** Cents. */
  readonly cash: number;
  readonly positions: readonly Position[];
}

export type RejectionCode = "unknown-ticker" | "overdraft" | "not-owned" | "too-many-trades";

/** A trade that cannot be: its text is for the one who wanted it. */
export class TradeRejectedError extends Error {
  override readonly name = "TradeRejectedError";
  readonly code: RejectionCode;

  constructor(code: RejectionCode, message: string) {
    super(message);
    this.code = code;
  }
}
