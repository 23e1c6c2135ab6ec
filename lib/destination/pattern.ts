import { DestinationPatternError } from "../errors.js";
import { MANY, ONE, PatternBits } from "./pattern-bits.js";
import { parseSegment, type Segment } from "./segment.js";

/** The separator of a destination's segments. */
export type DestinationSeparator = "/" | ".";

/** The longest destination of a client, in characters: it bounds the work that one can make. */
export const DESTINATION_LENGTH = 1024;
const DESTINATION_SEGMENTS = 64;
/** The same for a destination with wildcards: its length, and how many of its segments are tried at every place. */
const PATTERN_LENGTH = 256;
const MOVING_SEGMENTS = 2;

export interface PatternOptions {
  /** Whether the text is the application's, so that `{name:regex}` may be used and no bound is set. @default false */
  readonly regex?: boolean;
  /** @default "/" */
  readonly separator?: DestinationSeparator;
}

const NO_VARIABLES: ReadonlyMap<string, string> = new Map();

/** Everything that the segments of a pattern have in common. */
class Shape {
  /** Where the first `**` stands among the segments, and the last; -1 without. */
  readonly firstRest: number;
  readonly lastRest: number;
  /** How many segments stand before the first that is open, and those: what every destination that fits begins with. */
  readonly open: number;
  readonly start: string;
  places: readonly Segment[] | undefined;
  bits: PatternBits | undefined;

  constructor(segments: readonly Segment[], separator: DestinationSeparator) {
    this.firstRest = segments.findIndex(({ kind }) => kind === "rest");
    this.lastRest = segments.findLastIndex(({ kind }) => kind === "rest");
    this.open = segments.findIndex(({ kind }) => kind !== "literal");
    const start = this.open > 0 ? segments.slice(0, this.open) : [];
    this.start = start.map((segment) => segment.text).join(separator);
  }
}

/** Most subscriptions are to one destination: those share what has no segments. */
const NO_SEGMENTS: readonly Segment[] = [];
const NO_SHAPE = new Shape(NO_SEGMENTS, "/");

/** A destination, or a pattern of destinations. Made by `parsePattern`. */
export class DestinationPattern {
  readonly text: string;
  /** The parts between the separators of a pattern. Empty when there are no wildcards: most subscriptions have none. */
  readonly segments: readonly Segment[];
  readonly separator: DestinationSeparator;
  readonly #shape: Shape;

  constructor(text: string, segments: readonly Segment[], separator: DestinationSeparator) {
    this.text = text;
    this.segments = segments;
    this.separator = separator;
    this.#shape = segments.length > 0 ? new Shape(segments, separator) : NO_SHAPE;
  }

  /** Whether it stands for more than the destination it spells. */
  get isPattern(): boolean {
    return this.segments.length > 0;
  }

  /** Whether a destination has to be looked through: something stands between two wildcards for any length. */
  get searches(): boolean {
    return (
      this.#shape.firstRest !== this.#shape.lastRest || this.segments.some((segment) => segment.searches)
    );
  }

  /** Whether a destination that fits may begin with this text: `true` also when that is not easily known. */
  mayBeginWith(text: string): boolean {
    const start = this.isPattern ? this.#shape.start : this.text;
    return start.startsWith(text) || text.startsWith(start);
  }

  /** So many segments, with which every destination that fits begins; `undefined` when a wildcard is among them. */
  beginning(segments: number): string | undefined {
    if (this.#shape.open < segments) return undefined;
    const first = this.segments.slice(0, segments);
    return first.map(({ text }) => text).join(this.separator);
  }

  /** Its segments but for `**`. */
  get places(): readonly Segment[] {
    this.#shape.places ??= this.segments.filter(({ kind }) => kind !== "rest");
    return this.#shape.places;
  }

  /** Its segments as bits, to be laid beside another's. */
  get bits(): PatternBits {
    this.#shape.bits ??= new PatternBits(
      this.segments.map((segment) => {
        if (segment.kind === "rest") return MANY;
        if (segment.isOpen) return ONE;
        return segment.kind === "literal" ? segment.text : { accepts: (part) => segment.match(part) };
      }),
    );
    return this.#shape.bits;
  }

  /**
   * Whether a destination fits. Each of its characters is read a few times at
   * most, if a client wrote the pattern. In place, since a client's pattern may
   * be asked about all that waits.
   */
  fits(destination: string): boolean {
    if (!this.isPattern) return destination === this.text;

    const from = this.#behindFront(destination);
    if (this.#shape.firstRest < 0) return from === destination.length + 1;
    return (
      from >= 0 &&
      this.#backFits(destination, from) &&
      (this.#shape.firstRest === this.#shape.lastRest || this.bits.test(destination.split(this.separator)))
    );
  }

  /** Where the part begins that stands behind those before the first `**`; -1 when they do not fit. */
  #behindFront(destination: string): number {
    const { segments, separator } = this;
    const { length } = destination;
    if (!destination.startsWith(this.#shape.start)) return -1;

    const end = this.#shape.firstRest < 0 ? segments.length : this.#shape.firstRest;
    let at = 0;
    if (this.#shape.open > 0) {
      at = this.#shape.start.length + 1;
      if (at <= length && destination[at - 1] !== separator) return -1;
    }
    for (let i = this.#shape.open; i < end; i++) {
      if (at > length) return -1;
      const next = destination.indexOf(separator, at);
      const partEnd = next < 0 ? length : next;
      const segment = segments[i] as Segment;
      if (!segment.isOpen && !segment.match(destination.slice(at, partEnd))) return -1;
      at = partEnd + 1;
    }
    return at;
  }

  /** Whether what stands behind the last `**` fits the end of a destination, and ends before `from`. */
  #backFits(destination: string, from: number): boolean {
    const { segments, separator } = this;
    let end = destination.length;
    for (let i = segments.length - 1; i > this.#shape.lastRest; i--) {
      if (end < from) return false;
      const before = end > from ? destination.lastIndexOf(separator, end - 1) : -1;
      const partStart = before < from ? from : before + 1;
      const segment = segments[i] as Segment;
      if (!segment.isOpen && !segment.match(destination.slice(partStart, end))) return false;
      end = partStart - 1;
    }
    return true;
  }

  /**
   * Gives the variables of a destination that fits, or `undefined`. Of several
   * ways to read `**` the first one takes as little as it can; of several
   * wildcards in a segment the first takes as much as it can, as in Spring. A
   * segment that is empty fits `*`, but has nothing for a variable.
   */
  match(destination: string): ReadonlyMap<string, string> | undefined {
    if (!this.fits(destination)) return undefined;
    if (!this.segments.some(({ variables }) => variables.length > 0)) return NO_VARIABLES;

    const parts = destination.split(this.separator);
    const places = this.#align(parts);
    const variables = new Map<string, string>();
    for (const [i, segment] of this.segments.entries()) {
      if (segment.variables.length > 0) segment.match(parts[places[i] as number] as string, variables);
    }
    return variables;
  }

  /** For each of our segments the part it fits. Goes back to the last `**` only: at most parts × segments steps. */
  #align(parts: readonly string[]): readonly number[] {
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
      } else {
        s = rest + 1;
        p = ++restEnd;
      }
    }
    return places;
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

  if (!/[?*{}]/.test(text)) return new DestinationPattern(text, NO_SEGMENTS, separator);
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
  if (!regex && movingSegments(segments) > MOVING_SEGMENTS) {
    throw new DestinationPatternError(
      `Between two ** at most ${MOVING_SEGMENTS} segments with a wildcard among other characters may stand`,
    );
  }
  const names = segments.flatMap((segment) => segment.variables);
  if (new Set(names).size < names.length) {
    throw new DestinationPatternError("A pattern can have a variable only once");
  }
  return new DestinationPattern(text, segments, separator);
}

/** How many segments between two `**` have to be asked whether a part fits: that may be any part. */
function movingSegments(segments: readonly Segment[]): number {
  const first = segments.findIndex(({ kind }) => kind === "rest");
  const last = segments.findLastIndex(({ kind }) => kind === "rest");
  const between = first < 0 ? [] : segments.slice(first, last);
  return between.filter(({ kind, isOpen }) => kind === "wild" && !isOpen).length;
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

/** How much a pattern leaves open, weightiest first. */
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
