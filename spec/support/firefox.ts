import { resolve } from "node:path";
import type { Context } from "mocha";
import { type Browser, firefox } from "playwright-core";
import { findFirefox } from "./programs.js";

/**
 * Starts Firefox as it is installed, without a window. Where there is none the
 * spec is skipped, in CI too: nothing installs it, since Chromium runs the same pages.
 */
export function launchFirefox(context: Context): Promise<Browser> {
  const program = findFirefox() ?? notAtHand(context);
  return firefox.launch({
    channel: "moz-firefox",
    executablePath: resolve("spec/support/firefox.mjs"),
    env: { ...process.env, FIREFOX_PROGRAM: program, NODE_V8_COVERAGE: "" },
  });
}

function notAtHand(context: Context): never {
  console.log("      skipped: Firefox is not installed here");
  return context.skip();
}
