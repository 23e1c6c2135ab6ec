import { alignSegments, alignUnits, ONE, type Unit } from "./alignment.js";
import type { DestinationPattern } from "./pattern.js";
import type { Segment } from "./segment.js";

/**
 * A destination that fits two patterns; `undefined` when there is none, or when
 * that is up to a `{name:regex}` beside other wildcards.
 */
export function commonDestination(a: DestinationPattern, b: DestinationPattern): string | undefined {
  if (!a.isPattern) return b.match(a.text) && a.text;
  if (!b.isPattern) return a.match(b.text) && b.text;

  const fits = (one: Segment, other: Segment) => commonSegment(one, other) !== undefined;
  const pairs = alignSegments(a, b, { fits, covering: false });
  const found = pairs?.map(([one, other]) => commonSegment(one, other) ?? "").join(a.separator);
  return found !== undefined && a.match(found) && b.match(found) ? found : undefined;
}

/** The same for two segments. */
export function commonSegment(one: Segment, other: Segment): string | undefined {
  if (one.kind === "literal") return other.match(one.text) ? one.text : undefined;
  if (other.kind === "literal") return one.match(other.text) ? other.text : undefined;
  if (one.regexes + other.regexes > 0) return undefined;

  const fits = (first: Unit, second: Unit) => first === second || first === ONE || second === ONE;
  const pairs = alignUnits(one, other, { fits, covering: false });
  // A variable needs a character, and a star has nothing against one.
  return pairs && (pairs.map(commonCharacter).join("") || "x");
}

function commonCharacter([one, other]: readonly [Unit, Unit]): string {
  return [one, other].find((unit) => typeof unit === "string") ?? "x";
}
