import type { ServerResponse } from "node:http";

const ONE_YEAR = 31_536_000;

/** Keeps an answer from all caches: some browsers keep even those to a POST. */
export function cacheNever(res: ServerResponse): void {
  res.setHeader("Cache-Control", "no-store, no-cache, no-transform, must-revalidate, max-age=0");
}

/** Lets caches keep an answer for a year; old ones read nothing but Expires. */
export function cacheForAYear(res: ServerResponse): void {
  res.setHeader("Cache-Control", `public, max-age=${ONE_YEAR}`);
  res.setHeader("Expires", new Date(Date.now() + ONE_YEAR * 1000).toUTCString());
}
