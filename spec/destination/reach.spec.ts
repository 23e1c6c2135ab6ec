import { expect } from "chai";
import fc from "fast-check";
import { type DestinationSeparator, parsePattern } from "#lib/destination/pattern.js";
import { commonVariables, covers, overlaps } from "#lib/destination/reach.js";

const read = (text: string, separator: DestinationSeparator = "/") =>
  parsePattern(text, { regex: true, separator });

/** All destinations of up to four segments that are made of up to two of these letters. */
const segments = ["", "a", "b", "aa", "ab", "ba", "bb"];
const DESTINATIONS: string[] = [];
for (let level = segments; DESTINATIONS.length < 7 + 7 ** 2 + 7 ** 3 + 7 ** 4; ) {
  DESTINATIONS.push(...level);
  level = level.flatMap((start) => segments.map((segment) => `${start}/${segment}`));
}

const piece = fc.constantFrom("a", "b", "?", "*", "{}");
const segment = fc.oneof(
  { weight: 1, arbitrary: fc.constant("**") },
  {
    weight: 4,
    arbitrary: fc.array(piece, { maxLength: 2 }).map((pieces) => {
      const text = pieces.join("");
      return text === "**" ? "*" : text;
    }),
  },
);
const pattern = fc.array(segment, { minLength: 1, maxLength: 3 }).map((all) => {
  let names = 0;
  return all.join("/").replaceAll("{}", () => `{v${names++}}`);
});

describe("overlaps", () => {
  const overlapping: [string, string][] = [
    ["/topic/a", "/topic/a"],
    ["/topic/*", "/topic/a"],
    ["/topic/*", "/topic/{room}"],
    ["/topic/**", "/topic/secret/plans"],
    ["/**", "/topic"],
    ["/**/plans", "/topic/secret/*"],
    ["/topic/s*t", "/topic/se*ret"],
    ["/topic/?", "/topic/😀*"],
    ["/topic/{id:\\d+}", "/topic/*"],
    ["/topic/{id:\\d+}", "/topic/7"],
    ["/*/a", "/b/*"],
    ["/a/**/b/**/c", "/**/b/*/c"],
  ];
  for (const [a, b] of overlapping) {
    it(`finds what ${a} and ${b} have in common`, () => {
      expect([overlaps(read(a), read(b)), overlaps(read(b), read(a))]).to.deep.equal([true, true]);
    });
  }

  const apart: [string, string][] = [
    ["/topic/a", "/topic/b"],
    ["/topic/*", "/topic"],
    ["/topic/*", "/topic/a/b"],
    ["/topic/a*", "/topic/b*"],
    ["/topic/*a", "/topic/*b"],
    ["/topic/?", "/topic/??"],
    ["/topic/**", "/queue/**"],
    ["/topic/{room}", "/topic/"],
    ["/topic/{id:\\d+}", "/topic/x"],
    ["/**/a", "/**/b"],
  ];
  for (const [a, b] of apart) {
    it(`keeps ${a} and ${b} apart`, () => {
      expect([overlaps(read(a), read(b)), overlaps(read(b), read(a))]).to.deep.equal([false, false]);
    });
  }

  it("reads dots where they separate", () => {
    expect(overlaps(read("/topic/price.*", "."), read("/topic/*.stock", "."))).to.equal(true);
    expect(overlaps(read("/topic/price.*", "."), read("/topic/price.a.b", "."))).to.equal(false);
  });

  it("agrees with trying every destination there is", () => {
    fc.assert(
      fc.property(pattern, pattern, (one, other) => {
        const [a, b] = [read(one), read(other)];
        const common = DESTINATIONS.some(
          (destination) => a.match(destination) !== undefined && b.match(destination) !== undefined,
        );
        expect(overlaps(a, b)).to.equal(common);
      }),
      { numRuns: 1000 },
    );
  });

  it("comes to an end with patterns made to be slow", () => {
    const stars = `/${"*a".repeat(120)}`;
    const rests = `/${"**/a/".repeat(30)}`;
    for (const slow of [stars, rests]) {
      const [a, b] = [read(`${slow}c`), parsePattern(`${slow}b`)];
      expect([overlaps(a, b), covers(a, b)]).to.deep.equal([false, false]);
    }
  });
});

describe("covers", () => {
  const covering: [string, string][] = [
    ["/topic/**", "/topic/**"],
    ["/topic/**", "/topic/*"],
    ["/topic/**", "/topic/a/**/b"],
    ["/topic/**", "/topic"],
    ["/**", "/topic/**"],
    ["**", "queue*"],
    ["/topic/*", "/topic/{room}"],
    ["/topic/{room}", "/topic/{id}"],
    ["/topic/{room}", "/topic/a*"],
    ["/topic/a*", "/topic/a?c*"],
    ["/topic/{id:\\d+}/*", "/topic/{id:\\d+}/a"],
    ["/topic/*/b", "/topic/a?/b"],
  ];
  for (const [a, b] of covering) {
    it(`finds all of ${b} in ${a}`, () => {
      expect(covers(read(a), read(b))).to.equal(true);
    });
  }

  const open: [string, string][] = [
    ["/topic/*", "/topic/**"],
    ["/topic/{room}", "/topic/*"],
    ["/topic/a", "/topic/*"],
    ["/topic/a*", "/topic/*"],
    ["/topic/?", "/topic/*"],
    ["/topic/{id:\\d+}", "/topic/*"],
    ["/topic/**", "/**"],
    ["/topic/*", "/topic/a/b"],
  ];
  for (const [a, b] of open) {
    it(`finds more in ${b} than in ${a}`, () => {
      expect(covers(read(a), read(b))).to.equal(false);
    });
  }

  it("never says so of a pattern that has one destination more", () => {
    let covered = 0;
    fc.assert(
      fc.property(pattern, pattern, (one, other) => {
        const [a, b] = [read(one), read(other)];
        if (!covers(a, b)) return;
        covered++;
        const more = DESTINATIONS.find(
          (destination) => b.match(destination) !== undefined && a.match(destination) === undefined,
        );
        expect(more).to.equal(undefined);
      }),
      { numRuns: 3000 },
    );
    expect(covered).to.be.greaterThan(100);
  });

  it("knows that everything covers itself", () => {
    fc.assert(fc.property(pattern, (text) => covers(read(text), read(text))));
  });
});

describe("commonVariables", () => {
  const known: [pattern: string, other: string, variables: Record<string, string> | undefined][] = [
    ["/room/{id}", "/room/7", { id: "7" }],
    ["/room/{id}/**", "/room/7/*", { id: "7" }],
    ["/room/{id}/x", "/room/7/**", { id: "7" }],
    ["/room/*/x", "/room/**", {}],
    ["/room/{id}", "/room/*", undefined],
    ["/room/{id}", "/room/**", undefined],
    ["/room/{id}", "/room/7*", undefined],
    ["/room/{id}/{line}", "/room/7/*", undefined],
    ["/**/{id}", "/**/7", undefined],
    ["/**/{x}/b/**", "/**/a/b/**", undefined],
    ["/room/{id:\\d+}/*", "/room/7/?", { id: "7" }],
  ];
  for (const [text, other, variables] of known) {
    it(`has ${variables ? JSON.stringify(variables) : "nothing for certain"} of ${text} in ${other}`, () => {
      const found = commonVariables(read(text), read(other));
      expect(found && Object.fromEntries(found)).to.deep.equal(variables);
    });
  }

  it("has what every common destination has", () => {
    fc.assert(
      fc.property(pattern, pattern, (one, other) => {
        const [a, b] = [read(one), read(other)];
        const common = commonVariables(a, b);
        if (!common || !overlaps(a, b)) return;
        for (const destination of DESTINATIONS) {
          const variables = b.match(destination) && a.match(destination);
          if (variables) expect([...variables]).to.deep.equal([...common]);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
