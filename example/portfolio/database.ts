import { Kysely } from "kysely";
import { dialectOf, migrate } from "../shared/database.js";
import { migrations } from "./migrations.js";
import type { PortfolioTables } from "./tables.js";

/** The queries of the portfolio start here. A class of its own, so that it can be injected by name. */
export class PortfolioDatabase extends Kysely<PortfolioTables> {}

/**
 * Opens the database and brings its tables up to date.
 *
 * @param url `postgres://…`, or the path of an embedded database file, made if missing
 */
export async function openDatabase(url: string): Promise<PortfolioDatabase> {
  const database = new PortfolioDatabase({ dialect: dialectOf(url) });
  await migrate(database, url, migrations);
  return database;
}
