import { expect } from "chai";
import fc from "fast-check";
import { DestinationIndex } from "#lib/destination/destination-index.js";
import { parsePattern } from "#lib/destination/pattern.js";
import { countOperations } from "../support/count-operations.js";
import { naiveMatch } from "../support/naive-match.js";

/** Without the bounds of a client's. */
const application = { regex: true };

function found<T>(index: DestinationIndex<T>, destination: string): T[] {
  return index.match(destination).flatMap((bucket) => [...bucket]);
}

describe("DestinationIndex", () => {
  it("finds the values of all patterns that fit, each once", () => {
    const index = new DestinationIndex<string>();
    for (const text of [
      "/a/b",
      "/a/*",
      "/a/**",
      "/**",
      "/**/b",
      "/a/**/b",
      "/a/{x}",
      "/b/*",
      "/a/b/c",
      "/a/?",
    ]) {
      index.add(parsePattern(text), text);
    }
    expect(found(index, "/a/b")).to.have.members([
      ...["/a/b", "/a/*", "/a/**", "/**", "/**/b", "/a/**/b", "/a/{x}", "/a/?"],
    ]);
    expect(found(index, "/a")).to.have.members(["/a/**", "/**"]);
    expect(found(index, "nowhere")).to.deep.equal([]);
  });

  it("keeps apart patterns that differ between two `**` only", () => {
    const index = new DestinationIndex<string>();
    for (const text of ["/**/a/**", "/**/b/**", "/**/a/**/b/**", "/**"]) index.add(parsePattern(text), text);
    expect(found(index, "/x/a/y")).to.have.members(["/**/a/**", "/**"]);
    expect(found(index, "/a/b")).to.have.length(4);

    index.remove(parsePattern("/**/a/**"), "/**/a/**");
    expect(found(index, "/x/a/y")).to.deep.equal(["/**"]);
    expect(found(index, "/a/b")).to.have.members(["/**/b/**", "/**/a/**/b/**", "/**"]);
  });

  it("splits at dots where these separate", () => {
    const index = new DestinationIndex<string>(".");
    const texts = ["/t/a.b", "/t/a.*", "/t/*", "/t/a.**", "/t/**", "**.b", "**.x/y.**", "**.x.y.**"];
    for (const text of texts) index.add(parsePattern(text, { separator: "." }), text);
    expect(found(index, "/t/a.b")).to.have.members(["/t/a.b", "/t/a.*", "/t/a.**", "**.b"]);
    expect(found(index, "/t/a/b")).to.have.members(["/t/*", "/t/**"]);
    expect(found(index, "z.x/y.z")).to.deep.equal(["**.x/y.**"]);
    expect(found(index, "z.x.y.z")).to.deep.equal(["**.x.y.**"]);
  });

  it("takes the same value of a pattern once, and of two patterns twice", () => {
    const index = new DestinationIndex<string>();
    for (const text of ["/a", "/a", "/*"]) index.add(parsePattern(text), "value");
    expect(found(index, "/a")).to.deep.equal(["value", "value"]);

    index.remove(parsePattern("/a"), "value");
    expect(found(index, "/a")).to.deep.equal(["value"]);
  });

  it("does not mind removing what is not there", () => {
    const index = new DestinationIndex<number>();
    index.add(parsePattern("/a/*"), 1);
    for (const text of ["/a", "/a/*", "/a/*/b", "/**", "/{x}"]) index.remove(parsePattern(text), 2);
    expect(found(index, "/a/b")).to.deep.equal([1]);
  });

  it("forgets everything when cleared", () => {
    const index = new DestinationIndex<number>();
    for (const text of ["/a/b", "/a/*", "/a/?", "/**"]) index.add(parsePattern(text), 1);
    expect(found(index, "/a/b")).to.have.length(4);

    index.clear();
    expect(found(index, "/a/b")).to.deep.equal([]);
  });

  it("keeps names of Object.prototype apart", () => {
    const index = new DestinationIndex<string>();
    const names = ["__proto__", "constructor", "/__proto__/*", "/constructor/{toString}", "/*/__proto__"];
    for (const name of names) expect(found(index, name)).to.deep.equal([]);
    for (const name of names) index.add(parsePattern(name), name);

    expect(found(index, "__proto__")).to.deep.equal(["__proto__"]);
    expect(found(index, "/__proto__/__proto__")).to.have.members(["/__proto__/*", "/*/__proto__"]);
    expect(found(index, "/hasOwnProperty/toString")).to.deep.equal([]);
    expect(({} as { polluted?: unknown }).polluted).to.equal(undefined);
  });

  it("agrees with a scan of all patterns, whatever was added and removed before", () => {
    const parts = fc.array(fc.constantFrom("a", "b", ""), { maxLength: 4 }).map((all) => `/${all.join("/")}`);
    const patterns = fc
      .array(fc.constantFrom("a", "b", "", "*", "?", "**", "**", "a*", "{x}"), { maxLength: 5 })
      .map((all) => `/${all.join("/")}`)
      .filter((text) => text.split("{x}").length <= 2);
    const value = fc.integer({ min: 0, max: 2 });
    const steps = fc.array(
      fc.oneof(
        fc.record({ do: fc.constant("add" as const), text: patterns, value }),
        fc.record({ do: fc.constant("remove" as const), at: fc.nat() }),
        fc.record({ do: fc.constant("match" as const), destination: parts }),
      ),
      { maxLength: 60, size: "max" },
    );
    fc.assert(
      fc.property(steps, (all) => {
        const index = new DestinationIndex<number>();
        const model: { text: string; value: number }[] = [];
        for (const step of all) {
          if (step.do === "add") {
            index.add(parsePattern(step.text, application), step.value);
            const collapsed = step.text.replace(/\/\*\*(\/\*\*)+/g, "/**");
            if (!model.some((one) => one.text === collapsed && one.value === step.value)) {
              model.push({ text: collapsed, value: step.value });
            }
          } else if (step.do === "remove") {
            const [one] = model.splice(step.at % Math.max(model.length, 1), 1);
            if (one) index.remove(parsePattern(one.text, application), one.value);
          } else {
            const scanned = model.filter((one) => naiveMatch(one.text, step.destination));
            expect(found(index, step.destination).sort()).to.deep.equal(
              scanned.map((one) => one.value).sort(),
            );
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  describe("when it was asked before", () => {
    it("answers without looking, also when values come to and go from known patterns", () => {
      const index = new DestinationIndex<number>();
      for (const text of ["/a/b", "/a/*"]) index.add(parsePattern(text), 1);
      index.match("/a/b");

      for (const text of ["/a/b", "/a/*"]) index.add(parsePattern(text), 2);
      index.add(parsePattern("/elsewhere"), 3);
      index.remove(parsePattern("/elsewhere"), 3);
      expect(countOperations(() => index.match("/a/b"))).to.equal(1);
      expect(found(index, "/a/b")).to.deep.equal([1, 2, 1, 2]);

      index.remove(parsePattern("/a/*"), 1);
      expect(countOperations(() => index.match("/a/b"))).to.equal(1);
      expect(found(index, "/a/b")).to.deep.equal([1, 2, 2]);
    });

    it("sees a pattern that is new, or new again", () => {
      const index = new DestinationIndex<number>();
      for (const text of ["/a/b", "/a/*"]) {
        for (let round = 0; round < 3; round++) {
          expect(found(index, "/a/b")).to.deep.equal([]);
          index.add(parsePattern(text), round);
          expect(found(index, "/a/b")).to.deep.equal([round]);
          index.remove(parsePattern(text), round);
        }
      }
    });

    it("remembers 1,024 destinations, and none that is longer than a client's may be", () => {
      const index = new DestinationIndex<number>();
      index.add(parsePattern("/*/x"), 1);
      const asked = (destination: string) => countOperations(() => index.match(destination)) > 1;
      for (let i = 0; i < 1024; i++) index.match(`/${i}/x`);
      expect(asked("/0/x")).to.equal(false);

      index.match("/1024/x");
      expect(asked("/1/x")).to.equal(false);
      expect(asked("/0/x")).to.equal(true);

      const long = `/${"a".repeat(1022)}/x`;
      index.match(long);
      expect(asked(long)).to.equal(true);
    });
  });

  describe("when there are many patterns", () => {
    it("does not look at those that lead elsewhere", () => {
      const index = new DestinationIndex<number>();
      for (let i = 0; i < 10_000; i++) index.add(parsePattern(`/topic/${i}/*`), i);
      const operations = countOperations(() => expect(found(index, "/topic/7/x")).to.deep.equal([7]));
      expect(operations).to.be.below(30);
    });

    it("keeps nothing of those that are gone", () => {
      const index = new DestinationIndex<number>();
      const search = () => countOperations(() => expect(found(index, "/topic/a/b")).to.deep.equal([]));
      const before = search();
      const patterns = [];
      for (let i = 0; i < 1000; i++)
        patterns.push(parsePattern(`/topic/*${i}/**/x`), parsePattern(`/**/${i}*`));
      for (const pattern of patterns) index.add(pattern, 1);
      expect(search()).to.be.above(1000);

      for (const pattern of patterns) index.remove(pattern, 1);
      index.add(parsePattern("/{new}"), 1);
      expect(search()).to.be.at.most(before + 10);
    });
  });

  describe("when patterns are hostile", () => {
    const destination = "/a".repeat(40);

    function fill(texts: readonly string[]): { index: DestinationIndex<string>; segments: number } {
      const index = new DestinationIndex<string>();
      for (const text of texts) index.add(parsePattern(text, application), text);
      return { index, segments: texts.join("").split("/").length };
    }

    it("looks at each of their segments at most once, whatever one `**` leaves open", () => {
      const texts = [`/${"*".repeat(200)}:`, `/**${"/*".repeat(60)}/b`];
      for (let i = 1; i < 30; i++) {
        texts.push(
          `${"/a".repeat(i)}/**/${i}`,
          `${"/?".repeat(i)}/**${"/a".repeat(i)}/b`,
          `/**/${i}${"/?".repeat(i)}`,
        );
      }
      const { index, segments } = fill(texts);
      const operations = countOperations(() => expect(found(index, destination)).to.deep.equal([]));
      expect(operations).to.be.below(4 * segments);
    });

    it("reads a destination a few times for each, whatever stands between their wildcards", () => {
      const letters = "cdefghijkl";
      const { index } = fill(
        Array.from({ length: 1000 }, (_, i) => {
          const own = [...String(i)].map((digit) => letters[Number(digit)]).join("");
          return `/topic/*${"a".repeat(100)}${own}${"a".repeat(100)}*`;
        }),
      );
      const long = `/topic/${"a".repeat(1000)}`;
      const operations = countOperations(() => expect(found(index, long)).to.deep.equal([]));
      expect(operations).to.be.below(7 * 1000 * long.length);
    });

    it("looks at those between two `**` at most once for each part of the destination", () => {
      const { index, segments } = fill(
        Array.from({ length: 100 }, (_, i) => `${"/**/?".repeat(i % 30)}/**/${i}b/**`),
      );
      const operations = countOperations(() => expect(found(index, destination)).to.deep.equal([]));
      expect(operations).to.be.below(2 * segments * 41);
    });
  });
});
