import { resolve } from "node:path";
import type { Context } from "mocha";
import { type Browser, firefox } from "playwright-core";
import { findFirefox, missing } from "./programs.js";

/** Starts Firefox as it is installed, without a window; the spec is skipped where there is none. */
export function launchFirefox(context: Context): Promise<Browser> {
  const program = findFirefox() ?? missing(context, "Firefox");
  return firefox.launch({
    channel: "moz-firefox",
    executablePath: resolve("spec/support/firefox.mjs"),
    env: { ...process.env, FIREFOX_PROGRAM: program, NODE_V8_COVERAGE: "" },
  });
}
