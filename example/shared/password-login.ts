import type { Request, RequestHandler, Response } from "express";
import passport from "passport";
import { Strategy } from "passport-local";
import type { Member } from "./member.js";
import { hashPassword, verifyPassword } from "./password.js";

export interface PasswordLoginOptions {
  findById(id: number): Promise<Member | undefined>;
  findByName(name: string): Promise<(Member & { readonly passwordHash: string }) | undefined>;
  /** Where a login leads, unless a page was asked for before. */
  readonly home: string;
  readonly cookieName: string;
}

/** Logs in by the fields `name` and `password` of a form, and remembers it in the session. */
export class PasswordLogin {
  readonly #passport = new passport.Passport();
  readonly #options: PasswordLoginOptions;

  constructor(options: PasswordLoginOptions) {
    this.#options = options;
    this.#passport.use(
      new Strategy({ usernameField: "name" }, (name, password, done) => {
        this.#verify(name, password).then((member) => done(null, member ?? false), done);
      }),
    );
    this.#passport.serializeUser((user, done) => done(null, user.id));
    this.#passport.deserializeUser((id: number, done) => {
      options.findById(id).then((member) => done(null, member ?? false), done);
    });
  }

  /** Finds `req.user` by the session. */
  session(): RequestHandler {
    return this.#passport.session();
  }

  /** Tells whose name and password a form holds; nobody's when one of them is wrong. */
  authenticate(req: Request, res: Response): Promise<Member | undefined> {
    return new Promise((resolve, reject) => {
      this.#passport.authenticate("local", (error: unknown, member: Member | false) => {
        if (error) reject(error);
        else resolve(member || undefined);
      })(req, res, reject);
    });
  }

  /** Logs in, under a new session id, and leads to the page that was asked for. */
  logIn(req: Request, res: Response, member: Member): Promise<void> {
    const target = req.session.returnTo ?? this.#options.home;
    return new Promise((resolve, reject) => {
      req.logIn(member, (error) => {
        if (error) return reject(error);
        res.redirect(303, target);
        resolve();
      });
    });
  }

  /** Ends the session, and leads to the login. */
  logOut(): RequestHandler {
    return (req, res, next) => {
      req.session.destroy((error) => {
        if (error) next(error);
        else res.clearCookie(this.#options.cookieName).redirect(303, "/login");
      });
    };
  }

  async #verify(name: unknown, password: unknown): Promise<Member | undefined> {
    if (typeof name !== "string" || typeof password !== "string") return undefined;

    const found = await this.#options.findByName(name);
    // A name that does not exist takes as long as one that does: the answer time tells nobody who is a member.
    const right = await verifyPassword(password, found?.passwordHash ?? (await NOBODY));
    return found && right ? { id: found.id, name: found.name } : undefined;
  }
}

const NOBODY = hashPassword("");
