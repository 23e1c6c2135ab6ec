import { expect } from "chai";
import { StompConversionError } from "#lib/errors.js";
import { escapeHeader, unescapeHeader } from "#lib/stomp/escape.js";
import type { StompVersion } from "#lib/stomp/version.js";

describe("escapeHeader", () => {
  const ALL = "a:b\\c\nd\re\0f";
  const CASES: [version: StompVersion, part: "name" | "value", wire: string][] = [
    ["1.0", "name", "a b\\c d e f"],
    ["1.0", "value", "a:b\\c d e f"],
    ["1.1", "name", "a\\cb\\\\c\\nd e f"],
    ["1.1", "value", "a\\cb\\\\c\\nd e f"],
    ["1.2", "name", "a\\cb\\\\c\\nd\\re f"],
    ["1.2", "value", "a\\cb\\\\c\\nd\\re f"],
  ];
  for (const [version, part, text] of CASES) {
    it(`writes a ${part} of ${version} with its escapes, and blanks for what it cannot say`, () => {
      expect(escapeHeader(ALL, part, version)).to.equal(text);
    });
  }
});

describe("unescapeHeader", () => {
  it("reads the escapes of 1.2", () => {
    expect(unescapeHeader("\\n\\c\\\\\\r", "a", "1.2")).to.equal("\n:\\\r");
  });

  it("reads the escapes of 1.1", () => {
    expect(unescapeHeader("\\n\\c\\\\", "a", "1.1")).to.equal("\n:\\");
  });

  it("takes 1.0 verbatim", () => {
    expect(unescapeHeader("\\n\\t\\", "a", "1.0")).to.equal("\\n\\t\\");
  });

  for (const letter of ["n", "r", "c"]) {
    it(`reads an escaped backslash before ${letter} as a backslash and ${letter}`, () => {
      expect(unescapeHeader(`\\\\${letter}`, "a", "1.2")).to.equal(`\\${letter}`);
    });
  }

  const UNDEFINED: [text: string, version: StompVersion][] = [
    ["x\\t", "1.1"],
    ["x\\t", "1.2"],
    ["\\r", "1.1"],
    ["trailing\\", "1.1"],
    ["trailing\\", "1.2"],
    ["\\\\\\", "1.2"],
    ["\\N", "1.2"],
  ];
  for (const [text, version] of UNDEFINED) {
    it(`refuses ${text} in ${version}, and names the header`, () => {
      expect(() => unescapeHeader(text, "colour", version)).to.throw(StompConversionError, /colour/);
    });
  }
});
