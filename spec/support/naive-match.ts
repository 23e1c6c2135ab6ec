/** What a pattern means, said as plainly as possible and at any price: the judge of the real matcher. */
export function naiveMatch(pattern: string, destination: string): boolean {
  return matchParts(pattern.split("/"), destination.split("/"));
}

function matchParts([segment, ...segments]: string[], parts: string[]): boolean {
  if (segment === undefined) return parts.length === 0;
  if (segment === "**") {
    return parts.some((_, i) => matchParts(segments, parts.slice(i))) || matchParts(segments, []);
  }
  const [part, ...rest] = parts;
  return part !== undefined && captureSegment(segment, part) !== undefined && matchParts(segments, rest);
}

/** The variables of one segment, by a greedy regular expression. */
export function captureSegment(segment: string, part: string): Map<string, string> | undefined {
  const names = [...segment.matchAll(/\{([^}]*)\}/g)].map(([, name]) => name as string);
  const source = segment
    .replace(/[\\^$.+()[\]|-]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".")
    .replace(/\{[^}]*\}/g, "(.*)");
  const found = new RegExp(`^${source}$`, "su").exec(part);
  if (!found || (names.length > 0 && part === "")) return undefined;

  return new Map(names.map((name, i) => [name, found[i + 1] as string]));
}
