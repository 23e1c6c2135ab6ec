import { type Kysely, sql } from "kysely";
import { createLoginTables, type Migrations } from "../shared/database.js";
import { openDemoAccounts } from "./demo-accounts.js";
import type { PortfolioTables } from "./tables.js";

export const migrations: Migrations = (counter) => ({
  "1-portfolio": {
    async up(database: Kysely<PortfolioTables>) {
      const { schema } = database;
      await schema
        .createTable("account")
        .addColumn("id", counter.type, counter.primaryKey)
        .addColumn("name", "text", (column) => column.notNull().unique())
        .addColumn("password_hash", "text", (column) => column.notNull())
        .addColumn("cash", "bigint", (column) => column.notNull().check(sql`cash >= 0`))
        .addColumn("version", "bigint", (column) => column.notNull())
        .execute();

      await schema
        .createTable("position")
        .addColumn("account_id", "bigint", (column) => column.notNull().references("account.id"))
        .addColumn("ticker", "text", (column) => column.notNull())
        .addColumn("shares", "bigint", (column) => column.notNull().check(sql`shares > 0`))
        .addColumn("cost", "bigint", (column) => column.notNull())
        .addPrimaryKeyConstraint("position_key", ["account_id", "ticker"])
        .execute();

      await schema
        .createTable("trade")
        .addColumn("id", counter.type, counter.primaryKey)
        .addColumn("account_id", "bigint", (column) => column.notNull().references("account.id"))
        .addColumn("ticker", "text", (column) => column.notNull())
        .addColumn("action", "text", (column) => column.notNull())
        .addColumn("shares", "bigint", (column) => column.notNull())
        .addColumn("state", "text", (column) => column.notNull())
        .addColumn("price", "bigint")
        .addColumn("reason", "text")
        .addColumn("placed_at", "bigint", (column) => column.notNull())
        .addColumn("due_at", "bigint", (column) => column.notNull())
        .execute();
      await schema.createIndex("trade_due").on("trade").columns(["state", "due_at"]).execute();
      await schema.createIndex("trade_account").on("trade").columns(["account_id", "id"]).execute();

      await schema
        .createTable("quote")
        .addColumn("round", "bigint", (column) => column.notNull())
        .addColumn("ticker", "text", (column) => column.notNull())
        .addColumn("price", "bigint", (column) => column.notNull())
        .addColumn("quoted_at", "bigint", (column) => column.notNull())
        .addPrimaryKeyConstraint("quote_key", ["round", "ticker"])
        .execute();
      await schema
        .createTable("quote_clock")
        .addColumn("id", "integer", (column) => column.primaryKey())
        .addColumn("round", "bigint", (column) => column.notNull())
        .addColumn("made_at", "bigint", (column) => column.notNull())
        .execute();

      await createLoginTables(database);
      await openDemoAccounts(database);
    },
  },
});
