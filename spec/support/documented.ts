import { readFileSync } from "node:fs";

/**
 * The examples in TypeScript of a page of documentation that a source file does not hold, whatever their indentation
 * and imports, and whatever they only declare.
 */
export function missingExamples(page: string, sourceFile: string): string[] {
  const source = unindented(readFileSync(sourceFile, "utf8"));
  const blocks = [...readFileSync(page, "utf8").matchAll(/^```ts\n(.*?)^```$/gms)].map(
    ([, block = ""]) => block,
  );
  if (blocks.length === 0) throw new Error(`${page} has no examples`);
  return blocks.filter((block) => !source.includes(unindented(withoutContext(block))));
}

function withoutContext(block: string): string {
  return block.replace(/^import [^;]*;\n/gm, "").replace(/^declare .*\n/gm, "");
}

function unindented(text: string): string {
  return text.replace(/^ +/gm, "").trim();
}
