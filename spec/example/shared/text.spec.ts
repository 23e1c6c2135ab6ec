import { expect } from "chai";
import { readName, readText } from "../../../example/shared/text.js";

describe("readText", () => {
  it("trims, composes and keeps line breaks", () => {
    expect(readText("  한글\r\n<b>\t🙂 ".normalize("NFD"))).to.equal("한글\n<b>\t🙂");
  });

  it("gives the empty text for blanks", () => {
    expect(readText(" \n\t ")).to.equal("");
  });

  for (const value of [undefined, null, 1, {}, ["text"], "a\u0000b", "a\u001bb", "a\u202eb", "a\ud800b"]) {
    it(`gives nothing for ${JSON.stringify(value) ?? "undefined"}`, () => {
      expect(readText(value)).to.equal(undefined);
    });
  }
});

describe("readName", () => {
  it("makes one space of many", () => {
    expect(readName(" Mina   Kim ")).to.equal("Mina Kim");
  });

  for (const value of ["a\nb", "a\tb", "a\u2028b"]) {
    it(`gives nothing for ${JSON.stringify(value)}`, () => {
      expect(readName(value)).to.equal(undefined);
    });
  }
});
