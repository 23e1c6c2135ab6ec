import { expect } from "chai";
import { codesOf, findOpenRun, findText, type RunFinder } from "#lib/destination/run-finder.js";

/** Where a finder finds its run in a text, and how often it reads a character of that. */
function search(find: RunFinder, text: string): { found: number; reads: number } {
  let reads = 0;
  const counted = new Proxy(codesOf(text) as Uint16Array, {
    get(codes, name) {
      if (typeof name === "string" && /^\d+$/.test(name)) reads++;
      return Reflect.get(codes, name, codes) as unknown;
    },
  });
  const found = find(counted, 0, text.length);
  return { found, reads };
}

const open = (run: string) => findOpenRun(Array.from(run, (each) => (each === "?" ? undefined : each)));
const a = (count: number) => "a".repeat(count);

describe("findText and findOpenRun", () => {
  const hostile: [what: string, find: RunFinder, text: string][] = [
    ["a letter and many others", findText(`b${a(200)}`), a(1000)],
    ["many others and a letter", findText(`${a(200)}b`), a(1000)],
    ["a letter among many others", findText(`${a(100)}b${a(100)}`), a(1000)],
    ["what comes again and again", findText(`${"ab".repeat(100)}c`), "ab".repeat(500)],
    ["nearly all of the text", findText(`${a(999)}b`), a(1000)],
    ["open characters", open(`${"a?".repeat(15)}b`), a(1000)],
    ["open characters, of two codes each", open(`${"😀?".repeat(15)}b`), "😀".repeat(500)],
  ];
  for (const [what, find, text] of hostile) {
    it(`read no character more than twice for ${what}`, () => {
      const { found, reads } = search(find, text);
      expect(found).to.equal(-1);
      expect(reads).to.be.at.most(2 * text.length);
    });
  }

  it("find the last of several places", () => {
    expect(search(findText("ab"), "abxabx").found).to.equal(3);
    expect(search(open("a?"), "abxa😀x").found).to.equal(3);
    expect(search(open("?b"), "😀bx").found).to.equal(0);
    expect(search(findText(""), "abc").found).to.equal(3);
  });

  it("know the codes of one text from another's", () => {
    expect([
      ...Array.from(codesOf("ab")),
      ...Array.from(codesOf("cd")),
      ...Array.from(codesOf("ab")),
    ]).to.deep.equal([97, 98, 99, 100, 97, 98]);
  });
});
