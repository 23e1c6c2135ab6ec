import type { Kysely } from "kysely";
import { hashPassword } from "../shared/password.js";
import { STOCKS } from "./stocks.js";
import type { PortfolioTables } from "./tables.js";

/** The accounts, told on the login page; in the database are only hashes. */
export const DEMO_ACCOUNTS = [
  { name: "fabrice", password: "fab123", shares: { CTXS: 75, DELL: 50, MSFT: 33, ORCL: 45 } },
  { name: "paulson", password: "bond", shares: { EMC: 75, GOOG: 5, VMW: 23, RHT: 15 } },
] as const;

/** Whether somebody may look at the inspector: paulson, who is the administrator of Spring's sample too. */
export function isStaff(user: { readonly name: string } | undefined): boolean {
  return user?.name === "paulson";
}

const CASH = 10_000_00;

/** Opens the demo accounts, with cash and first shares, and starts the clock of the quotes: a part of a migration. */
export async function openDemoAccounts(database: Kysely<PortfolioTables>): Promise<void> {
  for (const { name, password, shares } of DEMO_ACCOUNTS) {
    const account = await database
      .insertInto("account")
      .values({ name, password_hash: await hashPassword(password), cash: CASH, version: 0 })
      .returning("id")
      .executeTakeFirstOrThrow();
    const positions = Object.entries(shares).map(([ticker, count]) => ({
      account_id: account.id,
      ticker,
      shares: count,
      cost: count * STOCKS.get(ticker)!.openingPrice,
    }));
    await database.insertInto("position").values(positions).execute();
  }
  await database.insertInto("quote_clock").values({ id: 1, round: 0, made_at: 0 }).execute();
}
