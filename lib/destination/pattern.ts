import { DestinationPatternError } from "../errors.js";
import { parseSegment, type Segment } from "./segment.js";

/** What stands between the segments of a destination. */
export type DestinationSeparator = "/" | ".";

/** What a client may use as a destination: bounds the work that one of them can make. */
export const DESTINATION_LENGTH = 1024;
const DESTINATION_SEGMENTS = 64;
/** The same for a destination with wildcards. */
const PATTERN_LENGTH = 256;

export interface PatternOptions {
  /** Whether the text is the application's, so that `{name:regex}` may be used and no bound is set. @default false */
  readonly regex?: boolean;
  /** @default "/" */
  readonly separator?: DestinationSeparator;
}

const NO_VARIABLES: ReadonlyMap<string, string> = new Map();

/** A destination, or a pattern of destinations. Made by `parsePattern`. */
export class DestinationPattern {
  readonly text: string;
  /** What stands between the separators of a pattern. Empty when there are no wildcards: most subscriptions have none. */
  readonly segments: readonly Segment[];
  readonly separator: DestinationSeparator;

  constructor(text: string, segments: readonly Segment[], separator: DestinationSeparator) {
    this.text = text;
    this.segments = segments;
    this.separator = separator;
  }

  /** Whether it stands for more than the destination it spells. */
  get isPattern(): boolean {
    return this.segments.length > 0;
  }

  /**
   * Gives the variables of a destination that fits, or `undefined`. Of several
   * ways to read `**` the first one takes as little as it can; of several
   * wildcards in a segment the first takes as much as it can, as in Spring. A
   * segment that is empty fits `*`, but has nothing for a variable.
   */
  match(destination: string): ReadonlyMap<string, string> | undefined {
    if (!this.isPattern) return destination === this.text ? NO_VARIABLES : undefined;

    const parts = destination.split(this.separator);
    const places = this.#align(parts);
    if (!places) return undefined;

    let variables: Map<string, string> | undefined;
    for (const [i, segment] of this.segments.entries()) {
      if (segment.variables.length === 0) continue;
      variables ??= new Map();
      segment.match(parts[places[i] as number] as string, variables);
    }
    return variables ?? NO_VARIABLES;
  }

  /** Whether a destination fits, which was split at its separators. */
  fits(parts: readonly string[]): boolean {
    return this.#align(parts) !== undefined;
  }

  /** For each of our segments the part it fits. Goes back to the last `**` only: at most parts × segments steps. */
  #align(parts: readonly string[]): number[] | undefined {
    const segments = this.segments;
    const places: number[] = [];
    let rest = -1;
    let restEnd = 0;
    let s = 0;
    let p = 0;
    while (p < parts.length) {
      const segment = segments[s];
      if (segment?.kind === "rest") {
        rest = s++;
        restEnd = p;
      } else if (segment?.match(parts[p] as string)) {
        places[s++] = p++;
      } else if (rest >= 0) {
        s = rest + 1;
        p = ++restEnd;
      } else return undefined;
    }
    if (segments[s]?.kind === "rest") s++;
    return s === segments.length ? places : undefined;
  }
}

/**
 * Reads a destination that may have wildcards: `?` is one character, `*` any
 * characters of a segment, `{name}` the same and captured, `**` any number of
 * segments, none included: `/a/**` fits `/a`. Separators count as they stand,
 * and so does case. Where the separator is a dot, a slash is a character as any
 * other.
 *
 * @throws DestinationPatternError when it is malformed, or a client's and too long
 */
export function parsePattern(
  text: string,
  { regex = false, separator = "/" }: PatternOptions = {},
): DestinationPattern {
  if (!regex) checkDestination(text, separator);

  if (!/[?*{}]/.test(text)) return new DestinationPattern(text, [], separator);
  if (!regex && text.length > PATTERN_LENGTH) {
    throw new DestinationPatternError(
      `A destination with wildcards has at most ${PATTERN_LENGTH} characters`,
    );
  }

  const segments: Segment[] = [];
  for (const part of text.split(separator)) {
    const segment = parseSegment(part, regex);
    if (segment.kind !== "rest" || segments.at(-1)?.kind !== "rest") segments.push(segment);
  }
  const names = segments.flatMap((segment) => segment.variables);
  if (new Set(names).size < names.length) {
    throw new DestinationPatternError("A pattern can have a variable only once");
  }
  return new DestinationPattern(text, segments, separator);
}

/** @throws DestinationPatternError when a destination is longer than a client's may be, wildcards or not */
export function checkDestination(destination: string, separator: DestinationSeparator = "/"): void {
  if (destination.length > DESTINATION_LENGTH) {
    throw new DestinationPatternError(`A destination has at most ${DESTINATION_LENGTH} characters`);
  }
  const code = separator.charCodeAt(0);
  let segments = 1;
  for (let i = 0; i < destination.length; i++) if (destination.charCodeAt(i) === code) segments++;
  if (segments > DESTINATION_SEGMENTS) {
    throw new DestinationPatternError(`A destination has at most ${DESTINATION_SEGMENTS} segments`);
  }
}

/** Sorts the more specific first: exact ones, then those without `**`, then by how much is open. 0 is a tie. */
export function comparePatterns(a: DestinationPattern, b: DestinationPattern): number {
  const other = openness(b);
  for (const [i, open] of openness(a).entries()) {
    const difference = open - (other[i] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** What a pattern leaves open, weightiest first. */
function openness({ isPattern, segments }: DestinationPattern): number[] {
  const sum = (value: (segment: Segment) => number) =>
    segments.reduce((total, segment) => total + value(segment), 0);
  const stars = sum((segment) => segment.stars);
  return [
    Number(isPattern),
    sum((segment) => Number(segment.kind === "rest")),
    stars + sum((segment) => segment.variables.length),
    -sum((segment) => segment.letters),
    stars,
    -sum((segment) => segment.regexes),
  ];
}

/**
 * Joins the pattern of a class and that of its method by one separator. Where
 * that is a slash, it sees to the leading one, too; dots need none in front.
 */
export function combine(
  classPattern: string,
  methodPattern: string,
  separator: DestinationSeparator = "/",
): string {
  const before = separator === "/" ? withLeading(separator, classPattern) : classPattern;
  const after = separator === "/" || before !== "" ? withLeading(separator, methodPattern) : methodPattern;
  return after !== "" && before.endsWith(separator) ? before.slice(0, -1) + after : before + after;
}

function withLeading(separator: DestinationSeparator, text: string): string {
  return text === "" || text.startsWith(separator) ? text : `${separator}${text}`;
}
