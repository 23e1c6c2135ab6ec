import { readFileSync, writeFileSync } from "node:fs";

const PAGE = "docs/performance.md";
const END = "<!-- end -->";

/** Replaces what this command wrote into the page the last time. */
export function writeIntoPage(command: string, text: string): void {
  const begin = `<!-- written by npm run ${command} -->`;
  const [before, rest] = readFileSync(PAGE, "utf8").split(begin);
  if (rest === undefined) throw new Error(`${PAGE} has no ${begin}`);
  writeFileSync(PAGE, `${before}${begin}\n\n${text}\n\n${rest.slice(rest.indexOf(END))}`);
}

/** A Markdown table; nothing when it has no rows. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return "";

  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
