import { ConfigurationError, DestinationPatternError } from "../errors.js";
import { type DestinationPattern, type DestinationSeparator, parsePattern } from "./pattern.js";

/**
 * Reads a pattern of the application's own, `{name:regex}` included. Where dots separate, prefixes keep their slash,
 * and all behind one is still written with it: `/app/**`.
 *
 * @throws ConfigurationError that names the option when it cannot be read
 */
export function applicationPattern(
  option: string,
  text: string,
  separator: DestinationSeparator = "/",
): DestinationPattern {
  const written = separator === "." && text.endsWith("/**") ? `${text.slice(0, -1)}.**` : text;
  try {
    return parsePattern(written, { regex: true, separator });
  } catch (cause) {
    if (!(cause instanceof DestinationPatternError)) throw cause;
    throw new ConfigurationError(`${option} has ${text}: ${cause.message}`, { cause });
  }
}
