import { type SessionData, Store } from "express-session";
import type { Kysely } from "kysely";
import type { LoginTables } from "./database.js";

const DAY = 24 * 60 * 60 * 1000;

/** Keeps express-session's sessions in the database, so that logins outlive the server. */
export class LoginSessionStore extends Store {
  readonly #database: Kysely<LoginTables>;
  readonly #ended: (id: string) => void;

  /** @param ended is told of each session that is over: logged out, logged in anew, swept out */
  constructor(database: Kysely<LoginTables>, ended: (id: string) => void = () => {}) {
    super();
    this.#database = database;
    this.#ended = ended;
  }

  override get(id: string, callback: (error: unknown, session?: SessionData | null) => void): void {
    const found = this.#database
      .selectFrom("login_session")
      .select("data")
      .where("id", "=", id)
      .where("expires_at", ">", Date.now())
      .executeTakeFirst();
    found.then((row) => callback(null, row ? JSON.parse(row.data) : null), callback);
  }

  override set(id: string, session: SessionData, callback: (error?: unknown) => void = () => {}): void {
    const values = { data: JSON.stringify(session), expires_at: expiryOf(session) };
    const kept = this.#database
      .insertInto("login_session")
      .values({ id, ...values })
      .onConflict((conflict) => conflict.column("id").doUpdateSet(values))
      .execute();
    kept.then(() => callback(), callback);
  }

  override touch(id: string, session: SessionData, callback: (error?: unknown) => void = () => {}): void {
    // Not the data: a request that ends late would undo what another has written meanwhile.
    const touched = this.#database
      .updateTable("login_session")
      .set({ expires_at: expiryOf(session) })
      .where("id", "=", id)
      .execute();
    touched.then(() => callback(), callback);
  }

  override destroy(id: string, callback: (error?: unknown) => void = () => {}): void {
    const removed = this.#database.deleteFrom("login_session").where("id", "=", id).execute();
    removed.then(() => {
      this.#ended(id);
      callback();
    }, callback);
  }

  /** Tells whether a session is neither over nor expired. */
  async has(id: string): Promise<boolean> {
    const found = await this.#database
      .selectFrom("login_session")
      .select("id")
      .where("id", "=", id)
      .where("expires_at", ">", Date.now())
      .executeTakeFirst();
    return found !== undefined;
  }

  /** Removes what has expired. */
  async sweep(): Promise<void> {
    const removed = await this.#database
      .deleteFrom("login_session")
      .where("expires_at", "<=", Date.now())
      .returning("id")
      .execute();
    for (const { id } of removed) this.#ended(id);
  }
}

function expiryOf(session: SessionData): number {
  return session.cookie.expires ? new Date(session.cookie.expires).getTime() : Date.now() + DAY;
}
