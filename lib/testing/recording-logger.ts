import { inspect } from "node:util";
import type { Logger } from "../index.js";

/** A logger that keeps what it is told. */
export interface RecordingLogger extends Logger {
  /** One line each: its level, its text, and what was logged with it. */
  readonly lines: readonly string[];
}

/**
 * Makes a logger for the option `logger`, that keeps what it is told and prints nothing.
 *
 * @example
 * ```ts
 * const logger = recordingLogger();
 * const messaging = stompMessaging({ endpoints: [{ path: "/ws" }], logger });
 * ```
 */
export function recordingLogger(): RecordingLogger {
  const lines: string[] = [];
  const at =
    (level: string) =>
    (message: string, ...details: unknown[]) => {
      const texts = details.map((each) => (each instanceof Error ? String(each) : inspect(each)));
      lines.push([level, message, ...texts].join(" "));
    };
  return { lines, debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}
