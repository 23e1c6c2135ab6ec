import type { ApplicationDestinations } from "../destination/application-destinations.js";
import {
  combine,
  type DestinationPattern,
  type DestinationSeparator,
  parsePattern,
} from "../destination/pattern.js";
import { ConfigurationError } from "../errors.js";
import type { MappedMethod } from "./metadata.js";

export interface MappingPlace {
  readonly separator: DestinationSeparator;
  /** Their prefixes, with their slash, are taken from destinations before. */
  readonly applications: ApplicationDestinations;
}

/** Every pattern of a method behind every one of its class. @throws ConfigurationError when there is none, or one makes no sense */
export function patternsOf(
  { name, type, classPatterns, methodPatterns }: MappedMethod,
  { separator, applications }: MappingPlace,
): DestinationPattern[] {
  const before = classPatterns.length > 0 ? classPatterns : [""];
  const after = methodPatterns.length > 0 ? methodPatterns : [""];
  const texts = new Set(before.flatMap((first) => after.map((second) => combine(first, second, separator))));

  return [...texts].map((text) => {
    if (text === "") {
      const decorator = type === "MESSAGE" ? "@MessageMapping" : "@SubscribeMapping";
      throw new ConfigurationError(`${name} has no destination: name one in ${decorator} or above the class`);
    }
    if (text.includes("${")) {
      throw new ConfigurationError(
        `${name} is mapped to ${text}: \${…} stands for nothing in a string, write it between backticks`,
      );
    }
    if (applications.has(text)) {
      throw new ConfigurationError(
        `${name} is mapped to ${text}, which has a prefix of the application: that is taken from what clients ` +
          `send to before, so write ${applications.lookup(text)}`,
      );
    }
    if (separator === "." && ((applications.arePrefixed && text.startsWith("/")) || text.includes("./"))) {
      throw new ConfigurationError(
        `${name} is mapped to ${text}, which nobody sends to: where dots separate, leave its leading slash out`,
      );
    }
    try {
      return parsePattern(text, { regex: true, separator });
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new ConfigurationError(`${name} is mapped to ${text}: ${reason}`, { cause });
    }
  });
}

/** Gives the same for patterns that fit the same destinations because only the names of their variables differ. */
export function shapeOf({ isPattern, text: exact, segments, separator }: DestinationPattern): string {
  if (!isPattern) return exact;
  return segments
    .map(({ text, variables }) => variables.reduce((shape, name) => shape.replace(`{${name}`, "{"), text))
    .join(separator);
}
