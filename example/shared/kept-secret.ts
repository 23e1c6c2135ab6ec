import { randomBytes } from "node:crypto";
import type { Kysely } from "kysely";
import type { LoginTables } from "./database.js";

/** Gives a secret that is made once, then kept: a restart does not change it, and all servers on the database share it. */
export async function keptSecret(database: Kysely<LoginTables>, name: string): Promise<string> {
  await database
    .insertInto("setting")
    .values({ name, value: randomBytes(32).toString("base64url") })
    .onConflict((conflict) => conflict.column("name").doNothing())
    .execute();
  const { value } = await database
    .selectFrom("setting")
    .select("value")
    .where("name", "=", name)
    .executeTakeFirstOrThrow();
  return value;
}
