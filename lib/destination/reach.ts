import type { DestinationPattern } from "./pattern.js";
import { readPieces, type Segment } from "./segment.js";

/**
 * Whether some destination fits both patterns. Where a regular expression meets
 * another wildcard it is taken to, since that cannot be told. A client may have
 * written one of them: no example is made, which would cost more.
 */
export function overlaps(a: DestinationPattern, b: DestinationPattern): boolean {
  if (!b.isPattern) return a.match(b.text) !== undefined;
  if (!a.isPattern) return b.match(a.text) !== undefined;
  return aligns(a.segments, b.segments, { isMany: isRest, fits: segmentsOverlap, covering: false });
}

/**
 * Whether every destination that fits `other` fits `pattern` too. `false` may
 * also mean that it cannot be told: an inclusion that holds only because several
 * wildcards share the work is not found.
 */
export function covers(pattern: DestinationPattern, other: DestinationPattern): boolean {
  if (!other.isPattern) return pattern.match(other.text) !== undefined;
  if (!pattern.isPattern) return false;
  return aligns(pattern.segments, other.segments, { isMany: isRest, fits: segmentCovers, covering: true });
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

interface Alignment<T> {
  /** Whether it stands for any number of the others. */
  isMany(one: T): boolean;
  fits(one: T, other: T): boolean;
  /** Whether what is many in the second may only stand where the first is many: then the first has all of the second. */
  readonly covering: boolean;
}

/** Whether two sequences can be laid beside each other; at most length × length steps. */
function aligns<T>(first: readonly T[], second: readonly T[], { isMany, fits, covering }: Alignment<T>) {
  /** Of what stands behind the current place of the first: whether it aligns with the second from j on. */
  let behind: boolean[] = [];
  for (let i = first.length; i >= 0; i--) {
    const here: boolean[] = [];
    const one = first[i];
    const oneIsMany = one !== undefined && isMany(one);
    for (let j = second.length; j >= 0; j--) {
      const other = second[j];
      const otherIsMany = other !== undefined && isMany(other);
      if (one === undefined && other === undefined) here[j] = true;
      else if (oneIsMany) here[j] = behind[j] === true || here[j + 1] === true;
      else if (otherIsMany) here[j] = !covering && (here[j + 1] === true || behind[j] === true);
      else {
        here[j] = one !== undefined && other !== undefined && behind[j + 1] === true && fits(one, other);
      }
    }
    behind = here;
  }
  return behind[0] === true;
}

function isRest(segment: Segment): boolean {
  return segment.kind === "rest";
}

function segmentsOverlap(a: Segment, b: Segment): boolean {
  if (b.kind === "literal") return a.match(b.text);
  if (a.kind === "literal") return b.match(a.text);
  if (a.regexes > 0 || b.regexes > 0) return true;
  return aligns(units(a), units(b), {
    isMany,
    fits: (one, other) => one === other || one === ONE || other === ONE,
    covering: false,
  });
}

function segmentCovers(a: Segment, b: Segment): boolean {
  if (b.kind === "literal") return a.match(b.text);
  if (a.text === "*" || a.text === b.text) return true;
  if (a.kind === "literal" || a.regexes > 0 || b.regexes > 0) return false;
  // What is empty has nothing for a variable.
  if (b.match("") && !a.match("")) return false;
  return aligns(units(a), units(b), {
    isMany,
    fits: (one, other) => one === other || one === ONE,
    covering: true,
  });
}

const ONE = 0;
const MANY = 1;

/** A character, or what stands for one or for many. */
type Unit = string | typeof ONE | typeof MANY;

function units(segment: Segment): Unit[] {
  return readPieces(segment.text).flatMap((piece): Unit[] => {
    if (piece.kind === "text") return [...piece.text];
    return [piece.kind === "one" ? ONE : MANY];
  });
}

function isMany(unit: Unit): boolean {
  return unit === MANY;
}
