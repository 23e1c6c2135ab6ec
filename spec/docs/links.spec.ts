import { existsSync, readFileSync } from "node:fs";
import { expect } from "chai";
import { anchorsOf, fileOfLink, linksOf, pages, publishedLink, repositoryUrl } from "../support/links.js";

describe("The links of the README and docs/", () => {
  const links = pages().flatMap((page) => linksOf(page).map((target) => ({ page, target })));

  it("go to files that are there, and to headings that these have", () => {
    const broken = links.filter(({ page, target }) => {
      const file = fileOfLink(page, target);
      if (file === undefined) return false;
      if (!existsSync(file)) return true;
      const [, anchor] = target.split("#");
      return anchor !== undefined && file.endsWith(".md") && !anchorsOf(file).has(decodeURIComponent(anchor));
    });
    expect(broken).to.deep.equal([]);
  });

  it("work from the package too: what it does not carry is linked at the repository; `npm run docs:links` writes them", () => {
    const others = links.filter(({ page, target }) => publishedLink(page, target) !== target);
    expect(others).to.deep.equal([]);
  });

  it("reach every page from the list of pages", () => {
    const listed = new Set(linksOf("docs/README.md").map((target) => fileOfLink("docs/README.md", target)));
    const missing = pages().filter((page) => page !== "docs/README.md" && !listed.has(page));
    expect(missing).to.deep.equal([]);
  });

  it("and package.json name one repository", () => {
    const manifest = JSON.parse(readFileSync("package.json", "utf8")) as { homepage: string; bugs: string };
    expect(manifest.homepage).to.equal(`${repositoryUrl()}#readme`);
    expect(manifest.bugs).to.equal(`${repositoryUrl()}/issues`);
  });
});

describe("README.md", () => {
  it("has 200 lines at most", () => {
    expect(readFileSync("README.md", "utf8").trimEnd().split("\n").length).to.be.at.most(200);
  });
});
