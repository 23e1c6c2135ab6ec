import { randomBytes, timingSafeEqual } from "node:crypto";
import type { RequestHandler } from "express";

declare module "express-session" {
  interface SessionData {
    csrfToken: string;
  }
}

/**
 * Lets a form through only with the token of its session, in the field `_csrf`;
 * pages find the token as `csrfToken`. Other sites can neither read nor guess it.
 *
 * @param refused answers a form without it
 */
export function csrf(refused: RequestHandler): RequestHandler {
  return (req, res, next) => {
    if (req.method === "GET" || req.method === "HEAD") {
      req.session.csrfToken ??= randomBytes(32).toString("base64url");
    } else if (!equal(req.body?._csrf, req.session.csrfToken)) {
      refused(req, res, next);
      return;
    }
    res.locals.csrfToken = req.session.csrfToken;
    next();
  };
}

function equal(given: unknown, expected: string | undefined): boolean {
  if (typeof given !== "string" || expected === undefined) return false;

  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
