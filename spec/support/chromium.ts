import type { Context } from "mocha";
import { type Browser, chromium } from "playwright-core";
import { findChromium, missing, tryAgain } from "./programs.js";

/** Starts the browser, headless; the spec is skipped where there is none. */
export function launchChromium(context: Context): Promise<Browser> {
  const executablePath = findChromium() ?? missing(context, "Chromium");
  tryAgain(context);
  const quiet = [
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
  ];
  // Chromium has no sandbox for root.
  const sandbox = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({ executablePath, args: [...quiet, ...sandbox] });
}
