import { type Request, type RequestHandler, Router } from "express";
import { injectable } from "inversify";
import passport from "passport";
import { Strategy } from "passport-local";
import { csrf } from "./csrf.js";
import { MEMBER_NAME_LIMIT, type Member, PASSWORD_LIMITS } from "./member.js";
import { MemberRepository } from "./member-repository.js";
import { hashPassword, verifyPassword } from "./password.js";
import { readName } from "./text.js";
import { texts } from "./texts.js";

declare global {
  namespace Express {
    interface User extends Member {}
  }
}

declare module "express-session" {
  interface SessionData {
    returnTo: string;
  }
}

/** Sign-up, log in, log out; and who is asking. */
@injectable()
export class Authentication {
  readonly #passport = new passport.Passport();

  constructor(private readonly members: MemberRepository) {
    this.#passport.use(
      new Strategy({ usernameField: "name" }, (name, password, done) => {
        this.#verify(name, password).then((member) => done(null, member ?? false), done);
      }),
    );
    this.#passport.serializeUser((user, done) => done(null, user.id));
    this.#passport.deserializeUser((id: number, done) => {
      this.members.findById(id).then((member) => done(null, member ?? false), done);
    });
  }

  /** Finds `req.user` by the session. */
  session(): RequestHandler {
    return this.#passport.session();
  }

  routes(): Router {
    const router = Router();
    router.use(["/login", "/signup", "/logout"], csrf);

    router.get("/login", (req, res) => {
      if (req.user) res.redirect("/chat/rooms");
      else res.render("login", { name: "", problem: undefined });
    });

    router.post("/login", (req, res, next) => {
      this.#passport.authenticate("local", (error: unknown, member: Member | false) => {
        if (error) next(error);
        else if (member) logIn(req, member).then((target) => res.redirect(303, target), next);
        else res.status(401).render("login", { name: req.body.name, problem: texts(req).wrongPassword });
      })(req, res, next);
    });

    router.post("/signup", async (req, res) => {
      const { nameInvalid, nameTaken, passwordInvalid } = texts(req);
      const refuse = (status: number, problem: string) =>
        res.status(status).render("login", { name: req.body.name, problem });

      const name = readName(req.body.name);
      if (!name || name.length > MEMBER_NAME_LIMIT) return refuse(400, nameInvalid);

      const password: unknown = req.body.password;
      if (!isPassword(password)) return refuse(400, passwordInvalid);

      const member = await this.members.create(name, await hashPassword(password));
      if (!member) return refuse(409, nameTaken);

      res.redirect(303, await logIn(req, member));
    });

    router.post("/logout", (req, res, next) => {
      req.session.destroy((error) => {
        if (error) next(error);
        else res.clearCookie("chat.sid").redirect(303, "/login");
      });
    });
    return router;
  }

  async #verify(givenName: unknown, password: unknown): Promise<Member | undefined> {
    const name = readName(givenName);
    if (!name || !isPassword(password)) return undefined;

    const found = await this.members.findByName(name);
    // A name that does not exist takes as long as one that does: the answer time tells nobody who is a member.
    const right = await verifyPassword(password, found?.passwordHash ?? (await NOBODY));
    return found && right ? { id: found.id, name: found.name } : undefined;
  }
}

const NOBODY = hashPassword("");

function isPassword(value: unknown): value is string {
  return (
    typeof value === "string" && value.length >= PASSWORD_LIMITS.min && value.length <= PASSWORD_LIMITS.max
  );
}

/** Logs in, under a new session id, and gives the page to go to. */
function logIn(req: Request, member: Member): Promise<string> {
  const target = req.session.returnTo ?? "/chat/rooms";
  return new Promise((resolve, reject) => {
    req.logIn(member, (error) => {
      if (error) reject(error);
      else resolve(target);
    });
  });
}

/** Lets members see a page; strangers log in first, and come back. */
export const membersOnly: RequestHandler = (req, res, next) => {
  if (req.user) return next();

  if (req.method === "GET") req.session.returnTo = req.originalUrl;
  req.session.save((error) => (error ? next(error) : res.redirect("/login")));
};

/** Lets members open a connection; a program asks here, so strangers get 401 and no page. */
export const membersOnlyHandshake: RequestHandler = (req, res, next) => {
  if (req.user) next();
  else res.status(401).type("text").send("Log in first.");
};
