import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { expect } from "chai";
import { build } from "esbuild";

describe("express-stomp/client", () => {
  it("takes at most 4 KB in a page, and nothing but itself", async () => {
    const { outputFiles, metafile } = await build({
      // A page pays for what it imports.
      stdin: {
        contents: 'export { answering, resuming } from "./dist/client/index.js";',
        resolveDir: process.cwd(),
      },
      bundle: true,
      minify: true,
      format: "esm",
      platform: "browser",
      write: false,
      metafile: true,
    });
    const inputs = Object.keys(metafile.inputs);
    expect(
      inputs.filter((path) => path !== "<stdin>" && !/^dist\/(client|contract)\//.test(path)),
    ).to.deep.equal([]);
    expect(gzipSync(outputFiles[0]!.contents, { level: 9 }).length).to.be.at.most(4_096);
  });

  it("has types that need neither Node's nor those of a STOMP client", () => {
    const declarations = readdirSync("dist/client").filter((name) => name.endsWith(".d.ts"));
    const texts = declarations.map((name) => readFileSync(`dist/client/${name}`, "utf8")).join("\n");
    expect(texts.match(/from "[^.][^"]*"|reference types|NodeJS|Buffer/g)).to.equal(null);
  });
});
