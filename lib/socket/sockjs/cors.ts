import type { Request, Response } from "express";
import { answer } from "../answer.js";

const ONE_YEAR = 31_536_000;

/** Lets the page of an allowed origin read the answer. */
export function allowOrigin(req: Request, res: Response): void {
  res.vary("Origin");
  const { origin } = req.headers;
  if (origin === undefined) return;

  res.setHeader("Access-Control-Allow-Origin", origin);
  res.setHeader("Access-Control-Allow-Credentials", "true");
}

/** Returns whether the request may go on: its method fits, and it is no preflight. */
export function allows(methods: readonly string[], req: Request, res: Response): boolean {
  if (!methods.includes(req.method)) {
    answer(res, 405, "Method not allowed\n", { Allow: methods.join(", ") });
    return false;
  }
  if (req.method !== "OPTIONS") return true;

  const headers = req.headers["access-control-request-headers"];
  if (headers !== undefined) res.setHeader("Access-Control-Allow-Headers", headers);
  answer(res, 204, "", {
    "Access-Control-Allow-Methods": methods.join(", "),
    "Access-Control-Max-Age": String(ONE_YEAR),
    "Cache-Control": `public, max-age=${ONE_YEAR}`,
  });
  return false;
}
