import type { DestinationPattern } from "./pattern.js";
import { MANY, ONE } from "./pattern-bits.js";
import type { Segment } from "./segment.js";

/**
 * Whether some destination fits both patterns. Where a regular expression meets
 * another wildcard it is taken to, since that cannot be told.
 */
export function overlaps(a: DestinationPattern, b: DestinationPattern): boolean {
  if (!b.isPattern) return a.fits(b.text);
  if (!a.isPattern) return b.fits(a.text);

  const here = a.bits.begin();
  for (const segment of b.segments) {
    const goesOn = isRest(segment)
      ? a.bits.stepMany(here)
      : a.bits.stepWhere(here, (place) => segmentsOverlap(a.places[place] as Segment, segment));
    if (!goesOn) return false;
  }
  return a.bits.isEnd(here);
}

/**
 * Whether every destination that fits `other` fits `pattern` too. `false` may
 * also mean that it cannot be told: an inclusion that holds only because several
 * wildcards share the work is not found.
 */
export function covers(pattern: DestinationPattern, other: DestinationPattern): boolean {
  if (!other.isPattern) return pattern.fits(other.text);
  if (!pattern.isPattern) return false;

  const { bits, places } = pattern;
  const here = bits.begin();
  for (const segment of other.segments) {
    const goesOn = isRest(segment)
      ? bits.stepGaps(here)
      : bits.stepWhere(here, (place) => segmentCovers(places[place] as Segment, segment));
    if (!goesOn) return false;
  }
  return bits.isEnd(here);
}

/**
 * Gives the variables that `pattern` has in all destinations that fit `other`
 * too, or `undefined` when one of them is not the same in all.
 */
export function commonVariables(
  pattern: DestinationPattern,
  other: DestinationPattern,
): ReadonlyMap<string, string> | undefined {
  if (!other.isPattern) return pattern.match(other.text);

  const variables = new Map<string, string>();
  const { segments } = pattern;
  const others = other.segments;
  // Behind the first `**` of either, segments no longer stand beside their counterparts.
  let beside = segments.findIndex((segment, i) => {
    const counterpart = others[i];
    return isRest(segment) || counterpart === undefined || isRest(counterpart);
  });
  if (beside < 0) beside = segments.length;
  for (const [i, segment] of segments.entries()) {
    if (segment.variables.length === 0) continue;
    const counterpart = i < beside ? others[i] : undefined;
    if (counterpart?.kind !== "literal" || !segment.match(counterpart.text, variables)) return undefined;
  }
  return variables;
}

function isRest(segment: Segment): boolean {
  return segment.kind === "rest";
}

function segmentsOverlap(a: Segment, b: Segment): boolean {
  if (a.kind === "literal") return b.match(a.text);
  if (b.kind === "literal") return a.match(b.text);
  // Where each is open, a text with a character for every variable fits both.
  if (a.isOpen || b.isOpen || a.regexes + b.regexes > 0) return true;

  const { bits } = a;
  const here = bits.begin();
  for (const one of b.characters) {
    if (one === MANY) bits.stepMany(here);
    else if (one === ONE) bits.stepWhere(here, () => true);
    else bits.step(here, one as string);
  }
  return bits.isEnd(here);
}

function segmentCovers(a: Segment, b: Segment): boolean {
  if (b.kind === "literal") return a.match(b.text);
  if (a.isOpen || a.text === b.text) return true;
  if (a.kind === "literal" || a.regexes > 0 || b.regexes > 0) return false;
  // An empty segment has nothing for a variable.
  if (b.match("") && !a.match("")) return false;

  const { bits } = a;
  const here = bits.begin();
  for (const one of b.characters) {
    if (one === MANY) bits.stepGaps(here);
    else if (one === ONE) bits.stepOpen(here);
    else bits.step(here, one as string);
  }
  return bits.isEnd(here);
}
