import { type ColumnDefinitionBuilder, type Kysely, type Migration, sql } from "kysely";

type DatabaseKind = "embedded" | "postgres";

/** The steps that make the tables, oldest first; a step that has been released is never changed. */
export function migrations(kind: DatabaseKind): Record<string, Migration> {
  // The one thing the two databases spell differently: a number that counts up by itself.
  const numberType = kind === "postgres" ? sql`bigint generated always as identity` : "integer";
  const counter = (column: ColumnDefinitionBuilder) =>
    kind === "postgres" ? column.primaryKey() : column.primaryKey().autoIncrement();

  return {
    "1-chat": {
      async up(database: Kysely<unknown>) {
        await database.schema
          .createTable("member")
          .addColumn("id", numberType, counter)
          .addColumn("name", "text", (column) => column.notNull())
          .addColumn("name_key", "text", (column) => column.notNull().unique())
          .addColumn("password_hash", "text", (column) => column.notNull())
          .addColumn("joined_at", "bigint", (column) => column.notNull())
          .execute();

        await database.schema
          .createTable("chat_room")
          .addColumn("number", numberType, counter)
          .addColumn("id", "text", (column) => column.notNull().unique())
          .addColumn("name", "text", (column) => column.notNull())
          .addColumn("opened_by", "text", (column) => column.notNull())
          .addColumn("opened_at", "bigint", (column) => column.notNull())
          .execute();

        await database.schema
          .createTable("chat_message")
          .addColumn("id", numberType, counter)
          .addColumn("room_id", "text", (column) => column.notNull().references("chat_room.id"))
          .addColumn("writer", "text", (column) => column.notNull())
          .addColumn("message", "text", (column) => column.notNull())
          .addColumn("sent_at", "bigint", (column) => column.notNull())
          .execute();
        await database.schema
          .createIndex("chat_message_room")
          .on("chat_message")
          .columns(["room_id", "id"])
          .execute();

        await database.schema
          .createTable("login_session")
          .addColumn("id", "text", (column) => column.primaryKey())
          .addColumn("data", "text", (column) => column.notNull())
          .addColumn("expires_at", "bigint", (column) => column.notNull())
          .execute();

        await database.schema
          .createTable("setting")
          .addColumn("name", "text", (column) => column.primaryKey())
          .addColumn("value", "text", (column) => column.notNull())
          .execute();
      },
    },
  };
}
