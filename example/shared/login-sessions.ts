import type { RequestHandler } from "express";
import session from "express-session";
import type { Logger } from "express-stomp";
import type { Kysely } from "kysely";
import type { LoginTables } from "./database.js";
import { keptSecret } from "./kept-secret.js";
import { LoginSessionStore } from "./login-session-store.js";

const DAY = 24 * 60 * 60 * 1000;

export interface LoginSessionsOptions {
  readonly database: Kysely<LoginTables>;
  readonly cookieName: string;
  readonly logger: Logger;
  /** Is told of each session that is over: logged out, logged in anew, expired. */
  ended?(id: string): void;
}

export interface LoginSessions {
  /** Gives every request its `req.session`. */
  readonly middleware: RequestHandler;
  /** Tells whether a session is neither over nor expired. */
  has(id: string): Promise<boolean>;
  /** Ends the sweeping. */
  stop(): void;
}

/** Keeps login sessions for 30 days, in the database: every server with this database knows them. */
export async function loginSessions(options: LoginSessionsOptions): Promise<LoginSessions> {
  const { database, cookieName, logger } = options;
  const store = new LoginSessionStore(database, (id) => options.ended?.(id));
  const middleware = session({
    name: cookieName,
    secret: await keptSecret(database, "session secret"),
    store,
    resave: false,
    saveUninitialized: false,
    cookie: { httpOnly: true, sameSite: "lax", secure: "auto", maxAge: 30 * DAY },
  });

  await store.sweep();
  const sweeping = setInterval(() => {
    store.sweep().catch((error: unknown) => logger.warn("Expired sessions were not removed:", error));
  }, DAY / 24).unref();
  return { middleware, has: (id) => store.has(id), stop: () => clearInterval(sweeping) };
}
