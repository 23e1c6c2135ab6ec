import type { RequestHandler } from "express";

declare module "express-session" {
  interface SessionData {
    returnTo: string;
  }
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
