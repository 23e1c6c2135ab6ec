import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import {
  type ColumnDefinitionBuilder,
  type Dialect,
  type Kysely,
  type Migration,
  Migrator,
  type MigratorProps,
  PostgresDialect,
  SqliteDialect,
  sql,
} from "kysely";
import Database from "libsql";
import pg from "pg";

/** The tables of logins, the same in every example. Times are milliseconds since 1970. */
export interface LoginTables {
  login_session: { id: string; data: string; expires_at: number };
  setting: { name: string; value: string };
}

/** A number that counts up by itself: the two databases spell it differently. */
export interface Counter {
  readonly type: "integer" | ReturnType<typeof sql>;
  readonly primaryKey: (column: ColumnDefinitionBuilder) => ColumnDefinitionBuilder;
}

/** The steps that make the tables, oldest first; a step that has been released is never changed. */
export type Migrations = (counter: Counter) => Record<string, Migration>;

/** Gives the dialect of a database by its address: `postgres://…`, or the path of an embedded file, made if missing. */
export function dialectOf(url: string): Dialect {
  if (isPostgres(url)) return postgresDialect(url);
  // Without its password.
  const [scheme] = /^\w+:\/\//.exec(url) ?? [];
  if (scheme) throw new Error(`DATABASE_URL is postgres://… or the path of a file: it cannot be ${scheme}…`);
  return embeddedDialect(url);
}

/** Brings the tables of a database up to date; closes it when that fails. */
export async function migrate(
  database: MigratorProps["db"],
  url: string,
  migrations: Migrations,
): Promise<void> {
  const steps = migrations(isPostgres(url) ? POSTGRES_COUNTER : EMBEDDED_COUNTER);
  const { error } = await new Migrator({
    db: database,
    provider: { getMigrations: async () => steps },
  }).migrateToLatest();
  if (!error) return;

  await database.destroy();
  throw error;
}

function isPostgres(url: string): boolean {
  return /^postgres(ql)?:/.test(url);
}

const POSTGRES_COUNTER: Counter = {
  type: sql`bigint generated always as identity`,
  primaryKey: (column) => column.primaryKey(),
};

const EMBEDDED_COUNTER: Counter = {
  type: "integer",
  primaryKey: (column) => column.primaryKey().autoIncrement(),
};

/** Makes the tables of logins: a part of a migration. */
export async function createLoginTables({ schema }: Pick<Kysely<unknown>, "schema">): Promise<void> {
  await schema
    .createTable("login_session")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("data", "text", (column) => column.notNull())
    .addColumn("expires_at", "bigint", (column) => column.notNull())
    .execute();

  await schema
    .createTable("setting")
    .addColumn("name", "text", (column) => column.primaryKey())
    .addColumn("value", "text", (column) => column.notNull())
    .execute();
}

function embeddedDialect(file: string): SqliteDialect {
  mkdirSync(dirname(file), { recursive: true });
  const database = new Database(file);
  database.exec("pragma journal_mode = wal; pragma foreign_keys = on; pragma busy_timeout = 5000");
  return new SqliteDialect({ database });
}

function postgresDialect(url: string): PostgresDialect {
  const pool = new pg.Pool({ connectionString: url, types: { getTypeParser } });
  // Without a listener, a server that goes away while a connection is idle ends this process.
  pool.on("error", (error) => console.warn("PostgreSQL closed an idle connection:", error.message));
  return new PostgresDialect({ pool });
}

/** bigint arrives as text, lest it lose digits; our numbers and times fit a number. */
const getTypeParser: typeof pg.types.getTypeParser = ((type: number, format?: "text") =>
  type === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(type, format)) as never;
