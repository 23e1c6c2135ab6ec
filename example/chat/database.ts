import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { type Generated, Kysely, Migrator, PostgresDialect, SqliteDialect } from "kysely";
import Database from "libsql";
import pg from "pg";
import { migrations } from "./migrations.js";

/** The tables of the chat. Times are milliseconds since 1970. */
export interface ChatTables {
  member: { id: Generated<number>; name: string; name_key: string; password_hash: string; joined_at: number };
  chat_room: { number: Generated<number>; id: string; name: string; opened_by: string; opened_at: number };
  chat_message: { id: Generated<number>; room_id: string; writer: string; message: string; sent_at: number };
  login_session: { id: string; data: string; expires_at: number };
  setting: { name: string; value: string };
}

/** The queries of the chat start here. A class of its own, so that it can be injected by name. */
export class ChatDatabase extends Kysely<ChatTables> {}

/**
 * Opens the database and brings its tables up to date.
 *
 * @param url `postgres://…`, or the path of an embedded database file, made if missing
 */
export async function openDatabase(url: string): Promise<ChatDatabase> {
  const postgres = /^postgres(ql)?:/.test(url);
  const database = new ChatDatabase({ dialect: postgres ? postgresDialect(url) : embeddedDialect(url) });

  const migrator = new Migrator({
    db: database,
    provider: { getMigrations: async () => migrations(postgres ? "postgres" : "embedded") },
  });
  const { error } = await migrator.migrateToLatest();
  if (error) {
    await database.destroy();
    throw error;
  }
  return database;
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
