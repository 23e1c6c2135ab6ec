import { expect } from "chai";
import { parsePattern } from "#lib/destination/pattern.js";
import { DestinationPatternError } from "#lib/errors.js";

const application = { regex: true };

describe("A back-reference in {name:regex}", () => {
  const texts = ["a", "b", "1", "\\", "\x01"].flatMap((a, _, all) =>
    all.flatMap((b) => [a, a + b, `${a}${b}${b}`]),
  );
  for (const regex of [
    "(a|b)\\1",
    "(a)(b)\\2",
    "(?:(a)|b)\\1",
    "(a(b))?.\\2",
    "\\1(a)",
    "(?<letter>.)\\1",
    "(?<letter>.)\\k<letter>",
    "(a)[\\1b]",
    "(a)[\\]\\1]",
    "(a)\\\\1?",
    "(a)\\1{1,2}",
  ]) {
    it(`of ${regex} means what it means by itself, wherever it stands`, () => {
      const alone = new RegExp(`^(?:${regex})$`);
      for (const [before, pattern] of [
        ["/", `/{x:${regex}}`],
        ["/--", `/{before}-{number:(\\d)?}-{x:${regex}}`],
      ] as const) {
        const parsed = parsePattern(pattern, application);
        for (const text of texts) {
          const expected = alone.test(text) ? text : undefined;
          expect(parsed.match(before + text)?.get("x"), before + text).to.equal(expected);
        }
      }
    });
  }

  for (const bad of ["/{x:(a)\\2}", "/{x:\\1}", "/{a:(a)}{b:\\1}", "/{x:(a)\\10}"]) {
    it(`is refused in ${bad}, where it refers to a group that is not there`, () => {
      expect(() => parsePattern(bad, application)).to.throw(DestinationPatternError, "does not have");
    });
  }
});
