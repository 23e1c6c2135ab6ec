import { execFile } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { pages } from "./links.js";

const run = promisify(execFile);
const FOLDER = "build/blocks";

/** As the README's own, and stricter. */
const compilerOptions = {
  target: "es2022",
  module: "nodenext",
  strict: true,
  exactOptionalPropertyTypes: true,
  noImplicitOverride: true,
  skipLibCheck: true,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
  types: ["node"],
  outDir: "js",
  rootDir: ".",
};

/** Every example in TypeScript of the README and docs/, compiled as it is printed. */
export interface CompiledBlocks {
  readonly count: number;
  /** The compiler's messages, at the lines of the pages. */
  readonly faults: string;
  /** The program that came of the nth block of a page. */
  program(page: string, index: number): string;
}

let compiled: Promise<CompiledBlocks> | undefined;

/** Compiles them, once for all who ask. */
export function compiledBlocks(): Promise<CompiledBlocks> {
  compiled ??= compile();
  return compiled;
}

async function compile(): Promise<CompiledBlocks> {
  await rm(FOLDER, { recursive: true, force: true });
  await mkdir(FOLDER, { recursive: true });
  let count = 0;
  // The list of signatures has no programs.
  for (const page of pages().filter((name) => name !== "docs/api.md")) {
    const text = await readFile(page, "utf8");
    let index = 0;
    for (const match of text.matchAll(/^```ts\n(.*?)^```$/gms)) {
      const linesBefore = "\n".repeat(text.slice(0, match.index).split("\n").length);
      await writeFile(`${FOLDER}/${nameOf(page, ++index)}.ts`, `${linesBefore}${match[1]}export {};\n`);
      count++;
    }
  }
  await writeFile(`${FOLDER}/tsconfig.json`, JSON.stringify({ compilerOptions, include: ["*.ts"] }));

  const { stdout } = await run("npx", ["tsc", "-p", FOLDER, "--pretty", "false"]).catch(
    (error: { stdout: string }) => error,
  );
  return { count, faults: stdout, program: (page, index) => `${FOLDER}/js/${nameOf(page, index)}.js` };
}

function nameOf(page: string, index: number): string {
  return `${page.replace(/\.md$/, "").replaceAll("/", ".")}.${index}`;
}
