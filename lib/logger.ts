import { faultText } from "./errors.js";

/** Where the library writes what nobody else is told. `console` and pino fit. */
export interface Logger {
  debug(message: string, ...details: unknown[]): void;
  info(message: string, ...details: unknown[]): void;
  warn(message: string, ...details: unknown[]): void;
  error(message: string, ...details: unknown[]): void;
}

/** Warnings and errors go to the console, the rest nowhere. */
export const consoleLogger: Logger = {
  debug() {},
  info() {},
  warn: (message, ...details) => console.warn(message, ...details),
  error: (message, ...details) => console.error(message, ...details),
};

/**
 * A logger that never throws and never rejects, whatever is logged: what is thrown may refuse to be looked at, and
 * the logger is the application's. A line that it cannot write it is asked to write as text.
 */
export function steadyLogger(logger: Logger): Logger {
  const at =
    (level: keyof Logger) =>
    (message: string, ...details: unknown[]): void => {
      for (const given of [details, details.map(faultText)]) {
        try {
          const written: unknown = logger[level](message, ...given);
          if (written !== undefined) Promise.resolve(written).catch(() => {});
          return;
        } catch {
          // Once more, or never.
        }
      }
    };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/** Client text, fit for one line of a log: control characters escaped, shortened to 200 characters. */
export function printable(text: string): string {
  const short = text.length > 200 ? `${text.slice(0, 200)}…` : text;
  return short.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
