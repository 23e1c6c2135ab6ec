import type { Request, Response } from "express";

const ONE_YEAR = 31_536_000;

/** Lets the page of an allowed origin read the answer, and send these methods when it asks before. */
export function allowOrigin(methods: readonly string[], req: Request, res: Response): void {
  res.vary("Origin");
  const { origin } = req.headers;
  if (origin === undefined) return;

  res.setHeader("Access-Control-Allow-Origin", origin);
  res.setHeader("Access-Control-Allow-Credentials", "true");
  if (req.method !== "OPTIONS") return;

  const headers = req.headers["access-control-request-headers"];
  if (headers !== undefined && headers !== "") res.setHeader("Access-Control-Allow-Headers", headers);
  res.setHeader("Access-Control-Allow-Methods", methods.join(", "));
  res.setHeader("Access-Control-Max-Age", String(ONE_YEAR));
}
