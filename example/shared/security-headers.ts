import type { RequestHandler } from "express";
import { IMPORT_MAP_SOURCE } from "./import-map.js";

const POLICY = [
  "default-src 'none'",
  `script-src 'self' ${IMPORT_MAP_SOURCE}`,
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** Tells browsers that pages load and run nothing but our own files: a script in a message could not run. */
export const securityHeaders: RequestHandler = (_req, res, next) => {
  res.set({
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
  });
  next();
};
