import { ApplicationDestinations } from "../destination/application-destinations.js";
import { commonDestination } from "../destination/common-destination.js";
import { DestinationIndex } from "../destination/destination-index.js";
import {
  comparePatterns,
  type DestinationPattern,
  type DestinationSeparator,
} from "../destination/pattern.js";
import { ConfigurationError, MessageHandlingError } from "../errors.js";
import type { ExceptionHandlers } from "./exception-handlers.js";
import type { HandlerMethod } from "./handler-method.js";
import { patternsOf, shapeOf } from "./mapping-patterns.js";
import type { MappedMethod, MappingType } from "./metadata.js";

/** A pattern, and the method that it leads to. */
export interface Mapping {
  readonly pattern: DestinationPattern;
  readonly handler: HandlerMethod;
  /** Those of the same controller. */
  readonly exceptionHandlers: ExceptionHandlers;
}

export interface MappingsOptions {
  /** Destinations under these are looked up, without the prefix; when there is none, all are. */
  readonly applicationDestinationPrefixes: readonly string[];
  /** Of the patterns, and of what is behind a prefix. The prefix ends with a slash in any case. */
  readonly destinationSeparator: DestinationSeparator;
}

/** Knows what methods are mapped to, and finds the one for a destination. */
export class Mappings {
  readonly #mappings: Readonly<Record<MappingType, DestinationIndex<Mapping>>>;
  readonly #taken = new Map<string, MappedMethod>();
  readonly #patterns: Readonly<Record<MappingType, Mapping[]>> = { MESSAGE: [], SUBSCRIBE: [] };
  readonly destinations: ApplicationDestinations;
  readonly #separator: DestinationSeparator;

  constructor({ applicationDestinationPrefixes, destinationSeparator }: MappingsOptions) {
    this.#separator = destinationSeparator;
    this.#mappings = {
      MESSAGE: new DestinationIndex(destinationSeparator),
      SUBSCRIBE: new DestinationIndex(destinationSeparator),
    };
    this.destinations = new ApplicationDestinations(applicationDestinationPrefixes, destinationSeparator);
  }

  /**
   * The patterns of a method, to add it with.
   *
   * @throws ConfigurationError when there is none, or one makes no sense
   */
  patternsOf(method: MappedMethod): DestinationPattern[] {
    return patternsOf(method, { separator: this.#separator, applications: this.destinations });
  }

  /** @throws ConfigurationError when another method has the same pattern */
  add(method: MappedMethod, mapping: Mapping): void {
    const { pattern } = mapping;
    const key = `${method.type} ${shapeOf(pattern)}`;
    const other = this.#taken.get(key);
    if (other) {
      throw new ConfigurationError(
        `${method.type} ${pattern.text} is mapped twice: to ${other.name} and to ${method.name}`,
      );
    }
    this.#taken.set(key, method);
    this.#mappings[method.type].add(pattern, mapping);
    if (pattern.isPattern) this.#patterns[method.type].push(mapping);
  }

  /**
   * Looks for destinations that two methods have an equal right to, when all have been added. Whether two
   * `{name:regex}` meet cannot be known before one is sent to.
   *
   * @throws ConfigurationError that names both, and the destination
   */
  check(): void {
    for (const [type, mappings] of Object.entries(this.#patterns) as [MappingType, Mapping[]][]) {
      for (const [i, one] of mappings.entries()) {
        for (const other of mappings.slice(i + 1)) this.#checkPair(type, one, other);
      }
    }
  }

  #checkPair(type: MappingType, one: Mapping, other: Mapping): void {
    if (one.handler === other.handler || comparePatterns(one.pattern, other.pattern) !== 0) return;

    const destination = commonDestination(one.pattern, other.pattern);
    if (destination === undefined) return;
    try {
      this.find(type, destination);
    } catch (cause) {
      const reason = `${(cause as Error).message} have an equal right to ${destination}`;
      throw new ConfigurationError(`${reason}: map that too, or make one more specific`, { cause });
    }
  }

  /** Whether a method is mapped to a destination, by default for either command. */
  has(destination: string, type?: MappingType): boolean {
    const lookup = this.destinations.lookup(destination);
    if (lookup === undefined) return false;
    const mappings = type ? [this.#mappings[type]] : Object.values(this.#mappings);
    return mappings.some((each) => each.match(lookup).length > 0);
  }

  /**
   * The mapping whose pattern is most specific.
   *
   * @throws MessageHandlingError when two methods have an equal right to it
   */
  find(type: MappingType, lookupDestination: string): Mapping | undefined {
    let best: Mapping | undefined;
    let tied: Mapping | undefined;
    for (const mappings of this.#mappings[type].match(lookupDestination)) {
      for (const mapping of mappings) {
        const order = best ? comparePatterns(mapping.pattern, best.pattern) : -1;
        if (order < 0) tied = undefined;
        if (order < 0) best = mapping;
        else if (order === 0 && mapping.handler !== best?.handler) tied = mapping;
      }
    }
    if (best && tied) {
      throw new MessageHandlingError(
        `Ambiguous handler methods: ${best.handler.name} (${best.pattern.text}) and ` +
          `${tied.handler.name} (${tied.pattern.text})`,
      );
    }
    return best;
  }
}
