import { randomBytes, timingSafeEqual } from "node:crypto";
import type { RequestHandler } from "express";
import { texts } from "./texts.js";

declare module "express-session" {
  interface SessionData {
    csrfToken: string;
  }
}

/**
 * Lets a form through only with the token of its session, in the field `_csrf`;
 * pages find the token as `csrfToken`. Other sites can neither read nor guess it.
 */
export const csrf: RequestHandler = (req, res, next) => {
  if (req.method === "GET" || req.method === "HEAD") {
    req.session.csrfToken ??= randomBytes(32).toString("base64url");
    res.locals.csrfToken = req.session.csrfToken;
    next();
  } else if (equal(req.body?._csrf, req.session.csrfToken)) {
    res.locals.csrfToken = req.session.csrfToken;
    next();
  } else {
    res.status(403).render("problem", { problem: texts(req).formExpired });
  }
};

function equal(given: unknown, expected: string | undefined): boolean {
  if (typeof given !== "string" || expected === undefined) return false;

  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
