import { type RequestHandler, Router } from "express";
import { injectable } from "inversify";
import { hashPassword } from "../shared/password.js";
import { PasswordLogin } from "../shared/password-login.js";
import { readName } from "../shared/text.js";
import { csrf } from "./csrf.js";
import { MEMBER_NAME_LIMIT, PASSWORD_LIMITS } from "./member.js";
import { MemberRepository } from "./member-repository.js";
import { texts } from "./texts.js";

export const COOKIE_NAME = "chat.sid";

/** Sign-up, log in, log out; and who is asking. */
@injectable()
export class Authentication {
  readonly #login: PasswordLogin;

  constructor(private readonly members: MemberRepository) {
    this.#login = new PasswordLogin({
      findById: (id) => members.findById(id),
      findByName: async (given) => {
        const name = readName(given);
        return name ? members.findByName(name) : undefined;
      },
      home: "/chat/rooms",
      cookieName: COOKIE_NAME,
    });
  }

  /** Finds `req.user` by the session. */
  session(): RequestHandler {
    return this.#login.session();
  }

  routes(): Router {
    const router = Router();
    router.use(["/login", "/signup", "/logout"], csrf);

    router.get("/login", (req, res) => {
      if (req.user) res.redirect("/chat/rooms");
      else res.render("login", { name: "", problem: undefined });
    });

    router.post("/login", async (req, res) => {
      const member = await this.#login.authenticate(req, res);
      if (member) await this.#login.logIn(req, res, member);
      else res.status(401).render("login", { name: req.body.name, problem: texts(req).wrongPassword });
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

      await this.#login.logIn(req, res, member);
    });

    router.post("/logout", this.#login.logOut());
    return router;
  }
}

function isPassword(value: unknown): value is string {
  return (
    typeof value === "string" && value.length >= PASSWORD_LIMITS.min && value.length <= PASSWORD_LIMITS.max
  );
}
