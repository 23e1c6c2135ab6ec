import { readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";

/** An import line, of a type or not: `from "…"`, `import "…"` and `export … from "…"`. */
export interface Import {
  /** The importing file, from the tree's root, with slashes. */
  readonly file: string;
  /** The file of the tree that it names, from the tree's root, or the package as it is written. */
  readonly target: string;
}

const FROM = /^(?:import|export)\b(?:[^"';=]*\bfrom)?\s*["']([^"']+)["']/gm;

/** Reads the import lines of all TypeScript files of a tree. */
export function importsIn(tree: string): Import[] {
  return readdirSync(tree, { recursive: true, encoding: "utf8" })
    .map((file) => file.replaceAll("\\", "/"))
    .filter((file) => file.endsWith(".ts"))
    .flatMap((file) => importsOf(file, readFileSync(`${tree}/${file}`, "utf8")));
}

/** Reads the import lines of one file. */
export function importsOf(file: string, source: string): Import[] {
  return [...source.matchAll(FROM)].map(([, name = ""]) => ({
    file,
    target: name.startsWith(".") ? posix.join(posix.dirname(file), name).replace(/\.js$/, ".ts") : name,
  }));
}

/** Gives one circle of imports, as the files on it with the first one repeated at the end; `[]` if there is none. */
export function circleIn(imports: readonly Import[]): string[] {
  const targets = new Map<string, string[]>();
  for (const { file, target } of imports) targets.set(file, [...(targets.get(file) ?? []), target]);
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): string[] => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return [];
    path.push(file);
    for (const target of targets.get(file) ?? []) {
      const circle = visit(target);
      if (circle.length > 0) return circle;
    }
    path.pop();
    done.add(file);
    return [];
  };
  for (const file of targets.keys()) {
    const circle = visit(file);
    if (circle.length > 0) return circle;
  }
  return [];
}
