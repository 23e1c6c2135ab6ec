import type { DestinationPattern } from "./pattern.js";
import { type Bits, hasBit, MANY, ONE, type PatternBits, type PatternItem } from "./pattern-bits.js";
import type { Segment } from "./segment.js";

/**
 * A destination that fits two patterns; `undefined` when there is none, or when
 * that is up to a `{name:regex}` beside other wildcards.
 */
export function commonDestination(a: DestinationPattern, b: DestinationPattern): string | undefined {
  if (!a.isPattern) return b.fits(a.text) ? a.text : undefined;
  if (!b.isPattern) return a.fits(b.text) ? b.text : undefined;

  const pairs = align(a.bits, a.places, b.segments, {
    isMany: ({ kind }) => kind === "rest",
    fits: (one, other) => commonSegment(one, other) !== undefined,
  });
  const found = pairs?.map(([one, other]) => commonSegment(one, other) ?? "").join(a.separator);
  return found !== undefined && a.fits(found) && b.fits(found) ? found : undefined;
}

function commonSegment(one: Segment, other: Segment): string | undefined {
  if (one.kind === "literal") return other.match(one.text) ? one.text : undefined;
  if (other.kind === "literal") return one.match(other.text) ? other.text : undefined;
  if (one.regexes + other.regexes > 0) return undefined;

  const places = one.characters.filter((character) => character !== MANY);
  const pairs = align(one.bits, places, other.characters, {
    isMany: (character) => character === MANY,
    fits: (first, second) => first === second || first === ONE || second === ONE,
  });
  // A variable needs a character, and a star has nothing against one.
  return pairs && (pairs.map(commonCharacter).join("") || "x");
}

function commonCharacter([one, other]: readonly [PatternItem, PatternItem]): string {
  return [one, other].find((item) => typeof item === "string") ?? "x";
}

interface Alignment<T> {
  /** Whether it stands for any number of the others. */
  isMany(one: T): boolean;
  fits(own: T, other: T): boolean;
}

/** Lays what two patterns are made of beside each other; what a gap takes stands beside itself. */
function align<T>(
  bits: PatternBits,
  places: readonly T[],
  others: readonly T[],
  { isMany, fits }: Alignment<T>,
): (readonly [own: T, other: T])[] | undefined {
  const here = bits.begin();
  /** The place that had been reached before each of the others. */
  const before: Bits[] = [];
  for (const other of others) {
    before.push(here.slice());
    if (isMany(other)) bits.stepMany(here);
    else bits.stepWhere(here, (place) => fits(places[place] as T, other));
  }
  if (!bits.isEnd(here)) return undefined;

  const pairs: (readonly [T, T])[] = [];
  let place = bits.length;
  for (const [i, other] of [...others.entries()].reverse()) {
    const reached = before[i] as Bits;
    if (isMany(other)) {
      for (; !hasBit(reached, place); place--) pairs.push([places[place - 1] as T, places[place - 1] as T]);
    } else if (bits.hasGap(place) && hasBit(reached, place)) pairs.push([other, other]);
    else pairs.push([places[--place] as T, other]);
  }
  return pairs.reverse();
}
