import { type Generated, Kysely } from "kysely";
import { dialectOf, type LoginTables, migrate } from "../shared/database.js";
import type { MemberRole } from "./member.js";
import { migrations } from "./migrations.js";

/** The tables of the chat. Times are milliseconds since 1970. */
export interface ChatTables extends LoginTables {
  member: {
    id: Generated<number>;
    name: string;
    name_key: string;
    password_hash: string;
    joined_at: number;
    role: Generated<MemberRole>;
  };
  chat_room: { number: Generated<number>; id: string; name: string; opened_by: string; opened_at: number };
  chat_message: {
    id: Generated<number>;
    room_id: string;
    writer: string;
    message: string;
    sent_at: number;
    /** Of the SEND that it came by. */
    dedup_id: string | null;
  };
  private_message: {
    id: Generated<number>;
    writer: string;
    recipient: string;
    message: string;
    sent_at: number;
    /** Of the SEND that it came by. */
    dedup_id: string | null;
  };
}

/** The queries of the chat start here. A class of its own, so that it can be injected by name. */
export class ChatDatabase extends Kysely<ChatTables> {}

/**
 * Opens the database and brings its tables up to date.
 *
 * @param url `postgres://…`, or the path of an embedded database file, made if missing
 */
export async function openDatabase(url: string): Promise<ChatDatabase> {
  const database = new ChatDatabase({ dialect: dialectOf(url) });
  await migrate(database, url, migrations);
  return database;
}
