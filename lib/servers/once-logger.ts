import type { Logger } from "../logger.js";

/** Writes each warning once: a sender that is no server could fill the log. */
export function onceLogger(logger: Logger): Logger {
  const written = new Set<string>();
  return {
    debug: (...line) => logger.debug(...line),
    info: (...line) => logger.info(...line),
    error: (...line) => logger.error(...line),
    warn(text, ...details) {
      if (written.has(text)) return;
      written.add(text);
      logger.warn(text, ...details);
    },
  };
}
