import type { DestinationPattern } from "./pattern.js";
import type { Segment } from "./segment.js";

/** How two lists are compared in which some elements stand for any number of elements. */
interface Elements<T> {
  readonly isMany: (element: T) => boolean;
  /** What fits an element that is not many. */
  readonly example: (element: T) => string;
  /** What fits both; `undefined` when nothing does. */
  readonly common: (one: T, other: T) => string | undefined;
}

/**
 * A destination that fits two patterns; `undefined` when there is none, or when
 * that is up to a `{name:regex}` beside other wildcards.
 */
export function commonDestination(a: DestinationPattern, b: DestinationPattern): string | undefined {
  if (!a.isPattern) return b.match(a.text) && a.text;
  if (!b.isPattern) return a.match(b.text) && b.text;

  const found = commonList(a.segments, b.segments, {
    isMany: ({ kind }) => kind === "rest",
    example: (segment) => commonSegment(segment, segment) ?? "",
    common: commonSegment,
  })?.join(a.separator);
  return found !== undefined && a.match(found) && b.match(found) ? found : undefined;
}

function commonSegment(one: Segment, other: Segment): string | undefined {
  for (const [literal, second] of [
    [one, other],
    [other, one],
  ] as const) {
    if (literal.kind === "literal") return second.match(literal.text) ? literal.text : undefined;
  }
  if (one.regexes + other.regexes > 0) return undefined;

  const found = commonList(characters(one), characters(other), {
    isMany: (character) => character === "*",
    example: (character) => (character === "?" ? "x" : character),
    common: (first, second) =>
      first === "?" ? second.replace("?", "x") : first === second || second === "?" ? first : undefined,
  });
  // A variable needs a character, and a star has nothing against one.
  return found && (found.join("") || "x");
}

/** Variables are stars by another name here. */
function characters({ text }: Segment): string[] {
  return [...text.replace(/\{[^{}]*\}/g, "*")];
}

/** Examples of elements that fit both lists, the shortest such. */
function commonList<T>(
  a: readonly T[],
  b: readonly T[],
  { isMany, example, common }: Elements<T>,
): string[] | undefined {
  // By how much of each is left: what the rests have in common. Filled from the end.
  let below: (string[] | undefined)[] = [];
  for (let i = a.length; i >= 0; i--) {
    const row: (string[] | undefined)[] = [];
    for (let j = b.length; j >= 0; j--) {
      if (i === a.length && j === b.length) row[j] = [];
      else if (i < a.length && isMany(a[i] as T)) row[j] = below[j] ?? taken(b, j, row[j + 1]);
      else if (j < b.length && isMany(b[j] as T)) row[j] = row[j + 1] ?? taken(a, i, below[j]);
      else if (i < a.length && j < b.length) {
        const both = below[j + 1] && common(a[i] as T, b[j] as T);
        row[j] = both === undefined ? undefined : [both, ...(below[j + 1] as string[])];
      }
    }
    below = row;
  }
  return below[0];

  /** What the many of the other list takes. */
  function taken(list: readonly T[], at: number, rest: string[] | undefined): string[] | undefined {
    if (at >= list.length || rest === undefined) return undefined;
    return isMany(list[at] as T) ? rest : [example(list[at] as T), ...rest];
  }
}
