import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { expect } from "chai";
import ts from "typescript";
import { compiledBlocks } from "../support/blocks.js";
import { packed } from "../support/stranger.js";

const run = promisify(execFile);
const PAGE = "docs/testing.md";

/** Each runner, the file of the page's that it runs, and what it says of a test that has passed. */
const RUNNERS = [
  {
    name: "node --test",
    file: "greeting.test.js",
    command: ["--test", "greeting.test.js"],
    passed: /pass 1$/m,
  },
  {
    name: "Mocha",
    file: "greeting.spec.js",
    command: ["../../node_modules/mocha/bin/mocha.js", "--no-config", "greeting.spec.js"],
    passed: /1 passing/,
  },
  {
    name: "Vitest",
    file: "greeting.vitest.test.js",
    command: ["../../node_modules/vitest/vitest.mjs", "run", "--root", ".", "greeting.vitest"],
    passed: /Tests {2}1 passed/,
  },
  {
    name: "Jest",
    file: "greeting.jest.test.js",
    command: ["--experimental-vm-modules", "../../node_modules/jest/bin/jest.js", "greeting.jest"],
    passed: /Tests: {7}1 passed/,
  },
] as const;

describe("docs/testing.md", function () {
  // Four runners, each a process of its own.
  this.timeout(120_000);
  let folder: string;

  /** Installs the package as it is published, beside the others that are there. */
  before(async () => {
    await mkdir("build", { recursive: true });
    folder = await mkdtemp("build/runners-");
    const installed = `${folder}/node_modules/express-stomp`;
    await mkdir(installed, { recursive: true });
    await run("tar", ["-xzf", await packed(), "-C", installed, "--strip-components=1"]);
    await writeFile(`${folder}/package.json`, '{ "private": true, "type": "module" }');
    await writeFile(`${folder}/jest.config.js`, "export default { transform: {} };");
    await writeFile(`${folder}/app.js`, compiled(await block("ts", "// app.ts")));
  });

  after(() => rm(folder, { recursive: true, force: true }));

  for (const { name, file, command, passed } of RUNNERS) {
    it(`is right about ${name}, with the package as it is published`, async () => {
      await writeFile(`${folder}/${file}`, await block("js", `// ${file}`));
      const { stdout, stderr } = await run(process.execPath, command, {
        cwd: folder,
        env: { ...process.env, NODE_OPTIONS: "", NO_COLOR: "1", FORCE_COLOR: "0" },
      });
      expect(stdout + stderr).to.match(passed);
    });
  }

  it("is right about its programs", async () => {
    const blocks = await compiledBlocks();
    expect(blocks.faults).to.equal("");
    for (const index of [2, 3, 4, 5]) await run(process.execPath, [blocks.program(PAGE, index)]);
  });

  it("is right about what a failure says", async () => {
    const page = await readFile(PAGE, "utf8");
    expect(page).to.include(
      "mina: No message came on /topic/greetings within 1000 ms. It has received these frames:",
    );
  });
});

/** The block of the page that begins with this line. */
async function block(language: string, first: string): Promise<string> {
  const blocks = (await readFile(PAGE, "utf8")).matchAll(
    new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "gms"),
  );
  const found = [...blocks].map(([, code = ""]) => code).find((code) => code.startsWith(first));
  if (found === undefined) throw new Error(`${PAGE} has no block that begins with ${first}`);
  return found;
}

function compiled(source: string): string {
  const { outputText } = ts.transpileModule(source, {
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      experimentalDecorators: true,
      emitDecoratorMetadata: true,
    },
  });
  return outputText;
}
