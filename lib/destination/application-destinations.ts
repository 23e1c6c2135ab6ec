import type { DestinationSeparator } from "./pattern.js";

/** The application's own destinations, by their prefixes: controllers answer them, and no broker gets them. */
export class ApplicationDestinations {
  /** Whether there are prefixes. If not, controllers look at all destinations. */
  readonly arePrefixed: boolean;
  /** Each with its closing slash. */
  readonly #prefixes: readonly string[];
  readonly #separator: DestinationSeparator;

  /** @param separator of what is behind a prefix; the prefix ends with a slash in any case */
  constructor(prefixes: readonly string[], separator: DestinationSeparator) {
    this.#prefixes = prefixes.map((prefix) => (prefix.endsWith("/") ? prefix : `${prefix}/`));
    this.arePrefixed = prefixes.length > 0;
    this.#separator = separator;
  }

  /** Whether a destination is under one of the prefixes. */
  has(destination: string): boolean {
    return this.#prefixOf(destination) !== undefined;
  }

  /**
   * The part of a destination that is looked up; `undefined` when it is not for controllers. The first prefix that fits
   * counts. The rest keeps its leading slash, unless slashes separate nothing.
   */
  lookup(destination: string): string | undefined {
    if (!this.arePrefixed) return destination;

    const prefix = this.#prefixOf(destination);
    return prefix && destination.slice(this.#separator === "/" ? prefix.length - 1 : prefix.length);
  }

  #prefixOf(destination: string): string | undefined {
    for (const prefix of this.#prefixes) if (destination.startsWith(prefix)) return prefix;
    return undefined;
  }
}
