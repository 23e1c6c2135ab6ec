import { readdirSync, readFileSync } from "node:fs";
import { expect } from "chai";

describe("docs/troubleshooting.md", () => {
  it("quotes answers to handshakes that lib/ gives", () => {
    const page = readFileSync("docs/troubleshooting.md", "utf8");
    const quoted = [...page.matchAll(/^\| \*\*\d+\*\* `([^`]+)`/gm)].map(([, text = ""]) => text);
    const source = readdirSync("lib/socket", { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts"))
      .map((file) => readFileSync(`lib/socket/${file}`, "utf8"))
      .join("\n");

    expect(quoted.length).to.be.above(4);
    expect(quoted.filter((text) => !source.includes(text))).to.deep.equal([]);
  });
});
