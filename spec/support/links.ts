import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { posix } from "node:path";
import { fileURLToPath } from "node:url";

/** Every page that is published with the package. */
export function pages(): string[] {
  const files = readdirSync("docs", { recursive: true, encoding: "utf8" });
  return ["README.md", ...files.filter((file) => file.endsWith(".md")).map((file) => `docs/${file}`)].sort();
}

/** The repository, as `package.json` has it: what absolute links begin with. */
export function repositoryUrl(): string {
  const { repository } = JSON.parse(readFileSync("package.json", "utf8")) as { repository: { url: string } };
  return repository.url.replace(/^git\+/, "").replace(/\.git$/, "");
}

/** The targets of a page's links, outside of its code. */
export function linksOf(page: string): string[] {
  const text = readFileSync(page, "utf8").replace(/^```[\s\S]*?^```$/gm, "");
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target);
}

/** As GitHub makes them of headings. */
export function anchorsOf(page: string): Set<string> {
  const text = readFileSync(page, "utf8").replace(/^```[\s\S]*?^```$/gm, "");
  const anchors = [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .trim()
      .replaceAll(" ", "-"),
  );
  return new Set(anchors);
}

/** A link as it must be published: what the package does not carry beside the page is on the repository's site. */
export function publishedLink(page: string, target: string): string {
  const base = repositoryUrl();
  const [path = "", anchor] = target.split("#");
  const anchored = anchor === undefined ? "" : `#${anchor}`;
  const inRepository = /^https:\/\/github\.com\/[^/]+\/[^/]+\/(?:blob|tree|raw)\/main\/(.*)$/.exec(path)?.[1];
  if (inRepository === undefined && (/^[a-z]+:/.test(path) || path === "")) return target;

  const file = inRepository ?? posix.join(posix.dirname(page), path);
  const isBeside = page.startsWith("docs/") && /^(docs\/|README\.md$|CHANGELOG\.md$)/.test(file);
  if (isBeside) return posix.relative(posix.dirname(page), file) + anchored;
  const kind = /\.(png|svg)$/.test(file) ? "raw" : /\.\w+$/.test(posix.basename(file)) ? "blob" : "tree";
  return `${base}/${kind}/main/${file}${anchored}`;
}

/** The file of the repository that a link goes to; `undefined` when it is elsewhere. */
export function fileOfLink(page: string, target: string): string | undefined {
  const [path = ""] = target.split("#");
  const base = `${repositoryUrl()}/`;
  if (path.startsWith(base)) return path.slice(base.length).replace(/^(blob|tree|raw)\/main\//, "");
  if (/^[a-z]+:/.test(path)) return undefined;
  return path === "" ? page : posix.join(posix.dirname(page), path);
}

function rewrite(): void {
  for (const page of pages()) {
    const text = readFileSync(page, "utf8");
    const parts = text.split(/(^```[\s\S]*?^```$)/m);
    const published = parts.map((part) =>
      part.startsWith("```")
        ? part
        : part.replace(/\]\(([^)\s]+)\)/g, (_, target: string) => `](${publishedLink(page, target)})`),
    );
    writeFileSync(page, published.join(""));
  }
  const url = repositoryUrl();
  const manifest = readFileSync("package.json", "utf8")
    .replace(/("homepage": )"[^"]*"/, `$1"${url}#readme"`)
    .replace(/("bugs": )"[^"]*"/, `$1"${url}/issues"`);
  writeFileSync("package.json", manifest);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) rewrite();
