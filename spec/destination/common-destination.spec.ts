import { expect } from "chai";
import fc from "fast-check";
import { commonDestination } from "#lib/destination/common-destination.js";
import { parsePattern } from "#lib/destination/pattern.js";

const parse = (text: string) => parsePattern(text, { regex: true });
const common = (a: string, b: string) => commonDestination(parse(a), parse(b));

describe("commonDestination", () => {
  for (const [a, b, destination] of [
    ["/x/*/b", "/x/a/*", "/x/a/b"],
    ["/a/**", "/**/b", "/a/b"],
    ["/{a}/b", "/a/{b}", "/a/b"],
    ["/?b", "/a?", "/ab"],
    ["/a*", "/*b", "/ab"],
    ["/*", "/{id}", "/x"],
    ["/a", "/*", "/a"],
    ["/{id:\\d+}", "/7", "/7"],
  ] as const) {
    it(`of ${a} and ${b} is ${destination}`, () => {
      expect(common(a, b)).to.equal(destination);
      expect(common(b, a)).to.equal(destination);
    });
  }

  for (const [a, b] of [
    ["/a/*", "/b/*"],
    ["/a/*", "/a/*/*"],
    ["/a*", "/b*"],
    ["/?", "/ab*"],
    ["/a/{id}", "/a/"],
    ["/{id:\\d+}", "/a"],
    ["/{id:\\d+}", "/{name:[a-z]+}"],
  ] as const) {
    it(`of ${a} and ${b} is not known`, () => {
      expect(common(a, b)).to.equal(undefined);
      expect(common(b, a)).to.equal(undefined);
    });
  }

  it("fits both, and is found whenever there is one", () => {
    const segment = fc.constantFrom("a", "b", "ab", "*", "?", "a*", "*b", "{v}", "**", "");
    const pattern = fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => {
      let n = 0;
      return segments.map((each) => each.replace("{v}", () => `{v${n++}}`)).join("/");
    });
    const parts = ["", "a", "b", "x", "ab", "axb"];
    const tried = parts.flatMap((one) => [
      one,
      ...parts.flatMap((two) => [`${one}/${two}`, `${one}/${two}/a`]),
    ]);

    fc.assert(
      fc.property(pattern, pattern, (first, second) => {
        const [a, b] = [parse(first), parse(second)];
        const found = commonDestination(a, b);
        const fits = (destination: string) => a.match(destination) && b.match(destination);

        if (found === undefined) expect(tried.filter(fits)).to.deep.equal([]);
        else expect(fits(found), found).to.not.equal(undefined);
      }),
      { numRuns: 3_000 },
    );
  });
});
