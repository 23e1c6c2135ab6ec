// `npm run docs`: the API reference of all that package.json exports, in build/docs.
import { readFileSync } from "node:fs";

const { exports, repository } = JSON.parse(readFileSync("package.json", "utf8"));
const entryPoints = Object.values(exports)
  .map(({ default: file }) => file)
  .filter((file) => file !== undefined)
  .map((file) => file.replace("./dist/", "lib/").replace(/\.js$/, ".ts"));

/** @type {import("typedoc").TypeDocOptions} */
export default {
  entryPoints,
  tsconfig: "tsconfig.docs.json",
  out: "build/docs",
  name: "express-stomp",
  validation: { notExported: false, invalidLink: true, invalidPath: true, rewrittenLink: true },
  // `tsc -b` has checked them.
  skipErrorChecking: true,
  excludeInternal: true,
  sourceLinkTemplate: `${repository.url.replace(/^git\+|\.git$/g, "")}/blob/main/{path}#L{line}`,
  gitRevision: "main",
  treatWarningsAsErrors: true,
  treatValidationWarningsAsErrors: true,
};
