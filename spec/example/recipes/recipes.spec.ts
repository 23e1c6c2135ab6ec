import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { expect } from "chai";
import { repositoryUrl } from "../../support/links.js";

const FOLDER = "example/recipes";
const MOST_LINES = 60;
const names = readdirSync(FOLDER)
  .filter((file) => file.endsWith(".ts") && file !== "run.ts")
  .map((file) => file.slice(0, -".ts".length));
const specs = [...filesIn("spec/example/recipes"), "spec/relay/recipe.spec.ts"]
  .map((file) => readFileSync(file, "utf8"))
  .join("\n");
const index = readFileSync("docs/recipes.md", "utf8");

function filesIn(folder: string): string[] {
  return readdirSync(folder).map((file) => `${folder}/${file}`);
}

function sourceOf(file: string): string[] {
  return readFileSync(file, "utf8").trimEnd().split("\n");
}

describe("The recipes", () => {
  it("are twenty-two", () => {
    expect(names).to.have.length(22);
  });

  for (const name of names) {
    it(`${name} takes ${MOST_LINES} lines at most, begins with its question, and is run by a spec`, () => {
      for (const file of readdirSync(FOLDER).filter((file) => file.startsWith(`${name}.`))) {
        expect(sourceOf(`${FOLDER}/${file}`).length, file).to.be.at.most(MOST_LINES);
      }
      expect(sourceOf(`${FOLDER}/${name}.ts`)[0]).to.match(/^\/\/ .*\?/);
      // Run in the spec's process, or in one of its own.
      expect(specs).to.satisfy(
        (text: string) => text.includes(`recipes/${name}.js"`) || text.includes(`run("${name}")`),
      );
    });

    it(`${name} stands in docs/recipes.md with its question`, () => {
      const question = sourceOf(`${FOLDER}/${name}.ts`)[0]!.slice("// ".length);
      expect(index).to.include(`[${name}](${repositoryUrl()}/blob/main/${FOLDER}/${name}.ts)`);
      expect(index).to.include(question);
    });
  }

  it("are listed for who names none of them", async () => {
    const child = spawn(process.execPath, ["build/example/recipes/run.js", "nonsense"], {
      stdio: ["ignore", "inherit", "pipe"],
    });
    const [said, [code]] = await Promise.all([text(child.stderr), once(child, "exit")]);
    expect(said.trim().split(/\s+/).slice(-names.length)).to.deep.equal(names.toSorted());
    expect(code).to.equal(1);
  });
});
