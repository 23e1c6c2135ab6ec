import { alignSegments, alignUnits, ONE } from "./alignment.js";
import { commonSegment } from "./common-destination.js";
import type { DestinationPattern } from "./pattern.js";
import type { Segment } from "./segment.js";

/**
 * Whether some destination fits both patterns. Where a regular expression meets
 * another wildcard it is taken to, since that cannot be told.
 */
export function overlaps(a: DestinationPattern, b: DestinationPattern): boolean {
  if (!b.isPattern) return a.match(b.text) !== undefined;
  if (!a.isPattern) return b.match(a.text) !== undefined;
  return alignSegments(a, b, { fits: segmentsOverlap, covering: false }) !== undefined;
}

/**
 * Whether every destination that fits `other` fits `pattern` too. `false` may
 * also mean that it cannot be told: an inclusion that holds only because several
 * wildcards share the work is not found.
 */
export function covers(pattern: DestinationPattern, other: DestinationPattern): boolean {
  if (!other.isPattern) return pattern.match(other.text) !== undefined;
  if (!pattern.isPattern) return false;
  return alignSegments(pattern, other, { fits: segmentCovers, covering: true }) !== undefined;
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
  const isUncertain = a.kind !== "literal" && b.kind !== "literal" && a.regexes + b.regexes > 0;
  return isUncertain || commonSegment(a, b) !== undefined;
}

function segmentCovers(a: Segment, b: Segment): boolean {
  if (b.kind === "literal") return a.match(b.text);
  if (a.text === "*" || a.text === b.text) return true;
  if (a.kind === "literal" || a.regexes > 0 || b.regexes > 0) return false;
  // What is empty has nothing for a variable.
  if (b.match("") && !a.match("")) return false;
  return (
    alignUnits(a, b, { fits: (one, other) => one === other || one === ONE, covering: true }) !== undefined
  );
}
