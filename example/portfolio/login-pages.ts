import { type RequestHandler, Router } from "express";
import { csrf } from "../shared/csrf.js";
import type { PasswordLogin } from "../shared/password-login.js";
import { DEMO_ACCOUNTS } from "./demo-accounts.js";
import { texts } from "./texts.js";

/** Log in and log out; those who know no name yet read some on the page. */
export function loginPages(login: PasswordLogin): Router {
  const router = Router();
  router.use(["/login", "/logout"], checkToken);

  router.get("/login", (req, res) => {
    if (req.user) res.redirect("/");
    else res.render("login", { name: "", problem: undefined, accounts: DEMO_ACCOUNTS });
  });

  router.post("/login", async (req, res) => {
    const member = await login.authenticate(req, res);
    if (member) return login.logIn(req, res, member);

    const problem = texts(req).wrongPassword;
    res.status(401).render("login", { name: req.body.name, problem, accounts: DEMO_ACCOUNTS });
  });

  router.post("/logout", login.logOut());
  return router;
}

/** Lets a form through only with the token of its session. */
export const checkToken: RequestHandler = csrf((req, res) => {
  res.status(403).render("problem", { problem: texts(req).formExpired });
});
