import type { RequestHandler } from "express";
import { csrf as checkToken } from "../shared/csrf.js";
import { texts } from "./texts.js";

/** Lets a form through only with the token of its session. */
export const csrf: RequestHandler = checkToken((req, res) => {
  res.status(403).render("problem", { problem: texts(req).formExpired });
});
