import { expect } from "chai";
import { array, assert, nat, property, string } from "fast-check";
import { JsonTexts, PayloadError } from "#lib/socket/sockjs/json-texts.js";

/** The text cut into pieces of these lengths, again and again. */
function sliced(text: string, lengths: readonly number[]): string[] {
  const pieces: string[] = [];
  let at = 0;
  for (let i = 0; at < text.length; i++) {
    const length = 1 + (lengths[i % lengths.length] as number);
    pieces.push(text.slice(at, at + length));
    at += length;
  }
  return pieces;
}

function read(...pieces: string[]): string {
  const texts = new JsonTexts();
  const read = pieces.map((piece) => texts.read(piece)).join("");
  texts.end();
  return read;
}

describe("JsonTexts", () => {
  const LENGTHS = array(nat(12), { minLength: 1 });

  it("reads what JSON.parse reads, in any slices", () => {
    assert(
      property(array(string({ unit: "binary" })), LENGTHS, (texts, lengths) => {
        for (const json of [JSON.stringify(texts), JSON.stringify(texts, undefined, "\t ")]) {
          expect(read(...sliced(json, lengths))).to.equal(texts.join(""));
        }
      }),
    );
  });

  it("reads escapes of all kinds, in any slices", () => {
    const json = '\r\n [ "\\"\\\\\\/\\b\\f\\n\\r\\t" ,"\\u0000\\uD83D\\ude00", "", "\\\\", "\\\\\\"]" ]\n\t';
    assert(
      property(LENGTHS, (lengths) => {
        expect(read(...sliced(json, lengths))).to.equal((JSON.parse(json) as string[]).join(""));
      }),
    );
  });

  it("gives each text as soon as it has come", () => {
    const texts = new JsonTexts();
    const pieces = ['["on', 'e","t', "w", 'o"', "]"];
    expect(pieces.map((piece) => texts.read(piece))).to.deep.equal(["on", "et", "w", "o", ""]);
  });

  for (const json of ["", " \n", '{"0":"x"}', '"x"', "null", "1", "]", "x"]) {
    it(`expects an array, not ${JSON.stringify(json)}`, () => {
      expect(() => read(json)).to.throw(PayloadError, "Payload expected.");
    });
  }

  for (const json of [
    "[",
    '["x',
    '["x"',
    '["x",',
    '["x",]',
    "[,]",
    '["x""y"]',
    '["x";"y"]',
    '[["x"]]',
    "[null]",
    '["x",1]',
    "[]]",
    '["x"] ["y"]',
    '["\\x"]',
    '["\\u12"]',
    '["\\u12","y"]',
    '["\\',
    '["\n"]',
    '["\u0000"]',
  ]) {
    it(`refuses ${JSON.stringify(json)}, in any slices`, () => {
      expect(() => read(json)).to.throw(PayloadError, "Broken JSON encoding.");
      expect(() => read(...json)).to.throw(PayloadError, "Broken JSON encoding.");
    });
  }
});
