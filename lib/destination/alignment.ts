import type { DestinationPattern } from "./pattern.js";
import { readPieces, type Segment } from "./segment.js";

/** What may stand beside what. */
export interface Alignment<T> {
  fits(one: T, other: T): boolean;
  /** Whether what is many in the second may only stand where the first is many: then the first has all of the second. */
  readonly covering: boolean;
}

/** What stands beside each other; what a many has taken stands beside itself. */
export type Pairs<T> = readonly (readonly [one: T, other: T])[];

/** Any one character, and any number of them. */
export const ONE = 0;
const MANY = 1;

/** A character of a segment, or what stands for one or for many. */
export type Unit = string | typeof ONE | typeof MANY;

/** Lays the segments of two patterns beside each other; `undefined` when that cannot be. */
export function alignSegments(
  a: DestinationPattern,
  b: DestinationPattern,
  alignment: Alignment<Segment>,
): Pairs<Segment> | undefined {
  return align(a.segments, b.segments, { isMany: ({ kind }) => kind === "rest", ...alignment });
}

/** The same for the characters of two segments, in which a variable is a `*` by another name. */
export function alignUnits(a: Segment, b: Segment, alignment: Alignment<Unit>): Pairs<Unit> | undefined {
  return align(units(a), units(b), { isMany: (unit) => unit === MANY, ...alignment });
}

interface Manifold<T> extends Alignment<T> {
  /** Whether it stands for any number of the others. */
  isMany(one: T): boolean;
}

/** At most length × length steps, for a client may have written one of them. Each many takes as little as it can. */
function align<T>(first: readonly T[], second: readonly T[], rules: Manifold<T>): Pairs<T> | undefined {
  const aligned = table(first, second, rules);
  if (aligned[0]?.[0] !== true) return undefined;

  const pairs: (readonly [T, T])[] = [];
  const { isMany } = rules;
  for (let i = 0, j = 0; i < first.length || j < second.length; ) {
    const [one, other] = [first[i] as T, second[j] as T];
    if (i < first.length && isMany(one)) {
      if (aligned[i + 1]?.[j] === true) i++;
      else {
        if (!isMany(other)) pairs.push([other, other]);
        j++;
      }
    } else if (j < second.length && isMany(other)) {
      if (aligned[i]?.[j + 1] === true) j++;
      else {
        pairs.push([one, one]);
        i++;
      }
    } else {
      pairs.push([one, other]);
      i++;
      j++;
    }
  }
  return pairs;
}

/** Whether what is left of the first from i on, and of the second from j on, can be aligned. */
function table<T>(
  first: readonly T[],
  second: readonly T[],
  { isMany, fits, covering }: Manifold<T>,
): readonly (readonly boolean[])[] {
  const rows: boolean[][] = [];
  for (let i = first.length; i >= 0; i--) {
    const here: boolean[] = [];
    const behind = rows[i + 1] ?? [];
    const one = first[i];
    for (let j = second.length; j >= 0; j--) {
      const other = second[j];
      if (one === undefined && other === undefined) here[j] = true;
      else if (one !== undefined && isMany(one)) here[j] = behind[j] === true || here[j + 1] === true;
      else if (other !== undefined && isMany(other)) {
        here[j] = !covering && (here[j + 1] === true || behind[j] === true);
      } else {
        here[j] = one !== undefined && other !== undefined && behind[j + 1] === true && fits(one, other);
      }
    }
    rows[i] = here;
  }
  return rows;
}

function units(segment: Segment): Unit[] {
  return readPieces(segment.text).flatMap((piece): Unit[] => {
    if (piece.kind === "text") return [...piece.text];
    return [piece.kind === "one" ? ONE : MANY];
  });
}
