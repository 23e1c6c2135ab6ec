import { readdirSync, readFileSync } from "node:fs";
import { expect } from "chai";

/** A thing's name would do; a question may begin so. */
const NAMELESS = /^(Who|Whom|Whose|Whoever|What|Whatever)\b(?![^.:;]*\?)/;

/** The files below a folder whose names end so. */
function below(folder: string, ending: RegExp): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => ending.test(file) && !file.includes("node_modules"))
    .map((file) => `${folder}/${file}`);
}

/** The texts that begin without the name of a thing, each with its file. */
function nameless(files: readonly string[], beginning: RegExp): string[] {
  return files.flatMap((file) =>
    [...readFileSync(file, "utf8").matchAll(beginning)]
      .filter(([, text = ""]) => NAMELESS.test(text))
      .map(([, text = ""]) => `${file}: ${text.slice(0, 80)}`),
  );
}

describe("The first word", () => {
  it("of a comment is the name of what it is about, or says what that does", () => {
    const files = [...below("lib", /\.ts$/), ...below("example", /\.[tj]s$/)];
    expect(nameless(files, /^[ \t]*(?:\/\/|\/\*\*|\*)[ \t]+(?=\S)(.*)$/gm)).to.deep.equal([]);
  });

  it("of a paragraph or point of the manual is no Who and no What", () => {
    const manual = below("docs", /^[^/]+\.md$/).filter((file) => file !== "docs/api.md");
    const files = ["README.md", "CHANGELOG.md", ...manual, ".github/CONTRIBUTING.md", ".github/SECURITY.md"];
    expect(nameless(files, /^[ \t]*(?:[-*>] |\d+\. )?(?:\*\*)?(.*)$/gm)).to.deep.equal([]);
  });
});
