import type { Kysely } from "kysely";
import { createLoginTables, type Migrations } from "../shared/database.js";

export const migrations: Migrations = (counter) => {
  return {
    "1-chat": {
      async up(database: Kysely<unknown>) {
        await database.schema
          .createTable("member")
          .addColumn("id", counter.type, counter.primaryKey)
          .addColumn("name", "text", (column) => column.notNull())
          .addColumn("name_key", "text", (column) => column.notNull().unique())
          .addColumn("password_hash", "text", (column) => column.notNull())
          .addColumn("joined_at", "bigint", (column) => column.notNull())
          .execute();

        await database.schema
          .createTable("chat_room")
          .addColumn("number", counter.type, counter.primaryKey)
          .addColumn("id", "text", (column) => column.notNull().unique())
          .addColumn("name", "text", (column) => column.notNull())
          .addColumn("opened_by", "text", (column) => column.notNull())
          .addColumn("opened_at", "bigint", (column) => column.notNull())
          .execute();

        await database.schema
          .createTable("chat_message")
          .addColumn("id", counter.type, counter.primaryKey)
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

        await createLoginTables(database);
      },
    },
    "2-role": {
      async up(database: Kysely<unknown>) {
        await database.schema
          .alterTable("member")
          .addColumn("role", "text", (column) => column.notNull().defaultTo("member"))
          .execute();
      },
    },
    "3-dedup-id": {
      async up(database: Kysely<unknown>) {
        await database.schema.alterTable("chat_message").addColumn("dedup_id", "text").execute();
        // Of each writer: nobody can take an id from somebody else. Those without one are as many as there are.
        await database.schema
          .createIndex("chat_message_once")
          .unique()
          .on("chat_message")
          .columns(["writer", "dedup_id"])
          .execute();
      },
    },
    "4-private-message": {
      async up(database: Kysely<unknown>) {
        await database.schema
          .createTable("private_message")
          .addColumn("id", counter.type, counter.primaryKey)
          .addColumn("writer", "text", (column) => column.notNull())
          .addColumn("recipient", "text", (column) => column.notNull())
          .addColumn("message", "text", (column) => column.notNull())
          .addColumn("sent_at", "bigint", (column) => column.notNull())
          .addColumn("dedup_id", "text")
          .execute();
        for (const name of ["writer", "recipient"]) {
          await database.schema
            .createIndex(`private_message_${name}`)
            .on("private_message")
            .columns([name, "id"])
            .execute();
        }
        await database.schema
          .createIndex("private_message_once")
          .unique()
          .on("private_message")
          .columns(["writer", "dedup_id"])
          .execute();
      },
    },
  };
};
