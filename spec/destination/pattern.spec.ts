import { expect } from "chai";
import fc from "fast-check";
import { combine, comparePatterns, parsePattern } from "#lib/destination/pattern.js";
import { DestinationPatternError } from "#lib/errors.js";
import { countOperations } from "../support/count-operations.js";
import { captureSegment, naiveMatch } from "../support/naive-match.js";

const application = { regex: true };

describe("parsePattern", () => {
  describe("when a destination fits", () => {
    const fitting: [pattern: string, destination: string, variables?: Record<string, string>][] = [
      ["/a/b", "/a/b"],
      ["a.b", "a.b"],
      ["/a?c", "/abc"],
      ["/a?c", "/a😀c"],
      ["/?", "/한"],
      ["/*", "/a"],
      ["/*", "/"],
      ["/a*c", "/ac"],
      ["/a*c*e", "/abcde"],
      ["/***", "/abc"],
      ["/**", "/"],
      ["/**", "/a/b/c"],
      ["/a/**", "/a"],
      ["/a/**", "/a/"],
      ["/a/**", "/a/b/c"],
      ["/**/c", "/c"],
      ["/**/c", "/a/b/c"],
      ["/a/**/c/**/e", "/a/c/b/c/d/e"],
      ["/a/**/**/**/c", "/a/c"],
      ["/room/{id}", "/room/7", { id: "7" }],
      ["/room/{id}/{line}", "/room/7/한글", { id: "7", line: "한글" }],
      ["/{a}-{b}", "/x-y-z", { a: "x-y", b: "z" }],
      ["/{a}-{b}", "/-", { a: "", b: "" }],
      ["/{a}{b}", "/xy", { a: "xy", b: "" }],
      ["/{a}?", "/x😀", { a: "x" }],
      ["/file.{type}", "/file.txt", { type: "txt" }],
      ["/**/{last}", "/a/b/c", { last: "c" }],
      ["/**/{x}/b/**", "/a/b/c/b", { x: "a" }],
      ["/{__proto__}/{constructor}", "/a/b", { ["__proto__"]: "a", constructor: "b" }],
    ];
    for (const [pattern, destination, variables = {}] of fitting) {
      it(`reads ${destination} by ${pattern}`, () => {
        const found = parsePattern(pattern).match(destination);
        expect([...(found ?? [["no match"]])]).to.deep.equal(Object.entries(variables));
      });
    }
  });

  describe("when a destination does not fit", () => {
    const unfit: [pattern: string, destination: string][] = [
      ["/a/b", "/a/B"],
      ["/a/b", "/a/b/"],
      ["/a/b", "a/b"],
      ["/app/c", "/app//c"],
      ["/app/*", "/app"],
      ["/app/*", "/app/a/b"],
      ["/app/{x}", "/app/"],
      ["/app/*/b", "/app/b"],
      ["/a?c", "/ac"],
      ["/a?c", "/abbc"],
      ["/a*b", "/a"],
      ["/aba*aba", "/aba"],
      ["/a.c", "/abc"],
      ["/**/c", "/a/c/d"],
      ["/a/**", "/ab"],
      ["/**", "a"],
    ];
    for (const [pattern, destination] of unfit) {
      it(`does not read ${destination} by ${pattern}`, () => {
        expect(parsePattern(pattern).match(destination)).to.equal(undefined);
      });
    }
  });

  it("knows patterns from destinations", () => {
    expect(["/a", "/a/b.c", ""].map((text) => parsePattern(text).isPattern)).to.deep.equal([
      false,
      false,
      false,
    ]);
    expect(["/a?", "*", "/{x}"].map((text) => parsePattern(text).isPattern)).to.deep.equal([
      true,
      true,
      true,
    ]);
  });

  it("takes any text as a destination to match, patterns included", () => {
    expect(parsePattern("/a/*").match("/a/{")).to.be.instanceOf(Map);
    expect(parsePattern("/a/b").match("/a/*")).to.equal(undefined);
  });

  it("agrees with a naive matcher about whole patterns", () => {
    const segment = fc.oneof(
      { weight: 2, arbitrary: fc.constant("**") },
      {
        weight: 5,
        arbitrary: fc.array(fc.constantFrom("a", "b", "?", "*"), { maxLength: 3 }).map((s) => s.join("")),
      },
    );
    const pattern = fc.array(segment, { maxLength: 6 }).map((segments) => `/${segments.join("/")}`);
    const destination = fc
      .array(fc.constantFrom("", "a", "b", "ab", "ba"), { maxLength: 6 })
      .map((parts) => `/${parts.join("/")}`);
    fc.assert(
      fc.property(pattern, destination, (text, name) => {
        expect(parsePattern(text, application).fits(name)).to.equal(naiveMatch(text, name));
      }),
      { numRuns: 2000 },
    );
  });

  it("agrees with a naive matcher about long runs between wildcards", () => {
    const run = fc.array(fc.constantFrom("a", "a", "b", "😀", "?"), { minLength: 1, maxLength: 12 });
    const segment = fc
      .array(
        run.map((characters) => characters.join("")),
        { minLength: 1, maxLength: 4 },
      )
      .map((runs) => `*${runs.join("*")}*`);
    const name = fc.array(fc.constantFrom("a", "a", "a", "b", "😀"), { maxLength: 60 });
    fc.assert(
      fc.property(segment, name, (text, characters) => {
        const destination = `/${characters.join("")}`;
        expect(parsePattern(`/${text}`).fits(destination)).to.equal(naiveMatch(`/${text}`, destination));
      }),
      { numRuns: 3000 },
    );
  });

  it("captures what a greedy regular expression captures", () => {
    const piece = fc.constantFrom("a", "b", "😀", "?", "*", "{}");
    const segment = fc.array(piece, { minLength: 1, maxLength: 7 }).map((pieces) => {
      const text = pieces.map((text, i) => (text === "{}" ? `{v${i}}` : text)).join("");
      return text === "**" ? "*" : text;
    });
    const part = fc.array(fc.constantFrom("a", "b", "😀"), { maxLength: 9 }).map((units) => units.join(""));
    fc.assert(
      fc.property(segment, part, (text, name) => {
        const found = parsePattern(text).match(name);
        expect(found && [...found]).to.deep.equal(
          ((wanted) => wanted && [...wanted])(captureSegment(text, name)),
        );
      }),
      { numRuns: 3000 },
    );
  });

  describe("when the application gives a variable a regular expression", () => {
    it("takes only what the expression takes", () => {
      const pattern = parsePattern("/room/{id:\\d{2,3}}", application);
      expect(pattern.match("/room/42")?.get("id")).to.equal("42");
      expect(pattern.match("/room/4")).to.equal(undefined);
      expect(pattern.match("/room/42x")).to.equal(undefined);
    });

    it("joins it with what stands around it", () => {
      const pattern = parsePattern("/{name:[a-z-]+}-{version:(?:\\d\\.)*\\d}.?(*{rest}", application);
      expect([...(pattern.match("/stomp-js-1.2.x(yz") ?? [])]).to.deep.equal([
        ["name", "stomp-js"],
        ["version", "1.2"],
        ["rest", ""],
      ]);
      expect(pattern.match("/stomp-js-1.2.x[yz")).to.equal(undefined);
    });

    it("keeps alternatives and groups inside the variable", () => {
      const pattern = parsePattern("/{kind:(a)|b}/{id}", application);
      expect([...(pattern.match("/b/7") ?? [])]).to.deep.equal([
        ["kind", "b"],
        ["id", "7"],
      ]);
      expect(pattern.match("/ab/7")).to.equal(undefined);
    });

    it("counts no brace behind a backslash", () => {
      const pattern = parsePattern("/{x:\\d+\\}}!", application);
      expect(pattern.match("/12}!")?.get("x")).to.equal("12}");
    });

    for (const bad of ["/{x:(}", "/{x:a)(b}", "/{x:}", "/{x:[a/b]}"]) {
      it(`refuses ${bad}`, () => {
        expect(() => parsePattern(bad, application)).to.throw(DestinationPatternError);
      });
    }
  });

  describe("when a pattern is malformed", () => {
    for (const bad of [
      "/{",
      "/}",
      "/{a",
      "/a}",
      "/{}",
      "/{{a}}",
      "/{a*}",
      "/{a/b}",
      "/{a\\}",
      "/x{a}}",
      "/{a}/{a}",
    ]) {
      it(`refuses ${bad} with a text for the client`, () => {
        expect(() => parsePattern(bad))
          .to.throw(DestinationPatternError)
          .with.property("publicMessage")
          .which.is.a("string");
      });
    }
  });

  describe("when dots separate", () => {
    const dots = { separator: "." } as const;
    const swapped = (text: string) => text.replace(/[/.]/g, (one) => (one === "/" ? "." : "/"));

    it("takes what stands between them for segments, and slashes for text", () => {
      const pattern = parsePattern("/topic/price.{id}.*", dots);
      expect([...(pattern.match("/topic/price.7/8.x") ?? [])]).to.deep.equal([["id", "7/8"]]);
      expect(pattern.match("/topic/price.7")).to.equal(undefined);
      expect(pattern.match("/topic/price/7/x")).to.equal(undefined);
      expect(parsePattern("a.**", dots).match("a")).to.be.instanceOf(Map);
      expect(parsePattern("a.*", dots).match("a.b.c")).to.equal(undefined);
    });

    it("agrees with itself where slashes do", () => {
      const segment = fc.constantFrom("**", "*", "?", "a", "a.b", "a*", "");
      const pattern = fc.array(segment, { maxLength: 6 }).map((segments) => `/${segments.join("/")}`);
      const destination = fc
        .array(fc.constantFrom("", "a", "b", "a.b", "."), { maxLength: 6 })
        .map((parts) => `/${parts.join("/")}`);
      fc.assert(
        fc.property(pattern, destination, (text, name) => {
          const pattern = parsePattern(swapped(text), { ...dots, regex: true });
          expect(pattern.fits(swapped(name))).to.equal(naiveMatch(text, name));
        }),
        { numRuns: 1000 },
      );
    });

    it("bounds how many segments they make", () => {
      expect(() => parsePattern(".a".repeat(64), dots)).to.throw(DestinationPatternError, "64 segments");
      expect(() => parsePattern("/a".repeat(64), dots)).not.to.throw();
      expect(() => parsePattern(".a".repeat(64))).not.to.throw();
    });

    it("refuses one inside braces", () => {
      expect(() => parsePattern("/topic/{a.b}", dots)).to.throw(DestinationPatternError, "separator inside");
      expect(parsePattern("/topic/{a/b}", dots).match("/topic/x")?.get("a/b")).to.equal("x");
    });
  });

  describe("when it comes from a client", () => {
    it("refuses regular expressions", () => {
      expect(() => parsePattern("/a/{x:.*}")).to.throw(DestinationPatternError, "regular expression");
      expect(() => parsePattern("/a/{x:(a+)+$}")).to.throw(DestinationPatternError, "regular expression");
    });

    it("bounds what stands between two wildcards of many characters, with ? among it", () => {
      expect(() => parsePattern(`/*${"a?".repeat(16)}*`)).not.to.throw();
      expect(() => parsePattern(`/*${"a?".repeat(16)}b*`)).to.throw(DestinationPatternError, "at most 32");
      expect(() => parsePattern(`/*${"ab".repeat(100)}*`)).not.to.throw();
    });

    it("bounds what is tried at every place, which the application's may pass", () => {
      const text = "/**/a*/*/b/{c}/**/?d/**";
      expect(() => parsePattern(text)).to.throw(DestinationPatternError, "Between two ** at most 2 segments");
      expect(() => parsePattern(text, application)).not.to.throw();
      expect(() => parsePattern("/**/a*/*/b/{c}/**/d/**/e*")).not.to.throw();
    });

    it("bounds its length and segments, which the application's may pass", () => {
      const tooLong = [`/${"a".repeat(1024)}`, `/*${"a".repeat(256)}`, "/a".repeat(64), "/**".repeat(200)];
      for (const text of tooLong) {
        expect(() => parsePattern(text), text).to.throw(DestinationPatternError, "at most");
        expect(() => parsePattern(text, application)).not.to.throw();
      }
      const longest = [`/${"a".repeat(1023)}`, `/*${"a".repeat(254)}`, "/a".repeat(63)];
      for (const text of longest) expect(() => parsePattern(text), text).not.to.throw();
    });
  });

  describe("when a pattern is hostile", () => {
    const long = `/${"a".repeat(1023)}`;
    const deep = "/a".repeat(63);
    const hostile: [pattern: string, destination: string][] = [
      [`${"/**".repeat(200)}/b`, deep],
      [`${"/**/a".repeat(30)}/b`, deep],
      [`${"/**/*".repeat(30)}/b`, deep],
      [`${"/**/*a?*".repeat(20)}/b`, `${"/aaaaaaaaaaaaaaaa".repeat(60)}`],
    ];
    for (const [text, destination] of hostile) {
      it(`does at most pattern × destination steps for ${text.slice(0, 30)}`, () => {
        const pattern = parsePattern(text, application);
        const operations = countOperations(() => expect(pattern.match(destination)).to.equal(undefined));
        expect(operations).to.be.below(2 * text.length * destination.length);
      });
    }

    const hostileSegments = [
      `/${"*".repeat(500)}:`,
      `/${"*a".repeat(100)}b`,
      `/${"*?".repeat(100)}b`,
      `/*b${"a".repeat(200)}*`,
      `/*${"a".repeat(100)}b${"a".repeat(100)}*`,
      `/*${"ab".repeat(100)}*`,
      `/*${"a?".repeat(15)}b*`,
      `/${"{x}a".replace("x", "y")}${"*a?".repeat(60)}c`,
    ];
    for (const text of hostileSegments) {
      it(`reads each character a few times for ${text.slice(0, 30)}`, () => {
        const pattern = parsePattern(text, application);
        const operations = countOperations(() => expect(pattern.match(long)).to.equal(undefined));
        expect(operations).to.be.below(7 * (text.length + long.length));
      });
    }
  });
});

describe("comparePatterns", () => {
  it("sorts the more specific first", () => {
    const sorted = [
      "/app/a/bb",
      "/app/a/b?",
      "/app/a/{x:[0-9]+}",
      "/app/a/{x}",
      "/app/a/*",
      "/app/{x}",
      "/app/{x}/{y}",
      "/{x}/{y}/{z}",
      "/app/a/**",
      "/app/**",
      "/**",
      "/**/{x}/**",
    ].map((text) => parsePattern(text, application));
    fc.assert(
      fc.property(fc.shuffledSubarray(sorted), (some) => {
        const expected = sorted.filter((pattern) => some.includes(pattern)).map((pattern) => pattern.text);
        expect(some.sort(comparePatterns).map((pattern) => pattern.text)).to.deep.equal(expected);
      }),
    );
  });

  it("is a tie when only names differ", () => {
    expect(comparePatterns(parsePattern("/a/{x}"), parsePattern("/a/{y}"))).to.equal(0);
  });
});

describe("combine", () => {
  const cases: [string, string, string][] = [
    ["/chat", "/message", "/chat/message"],
    ["chat", "message", "/chat/message"],
    ["/chat/", "/message", "/chat/message"],
    ["/chat", "", "/chat"],
    ["", "message", "/message"],
    ["", "", ""],
    ["/", "/message", "/message"],
    ["/chat/{room}", "{id}", "/chat/{room}/{id}"],
  ];
  for (const [before, after, whole] of cases) {
    it(`makes "${whole}" of "${before}" and "${after}"`, () => {
      expect(combine(before, after)).to.equal(whole);
    });
  }

  const dotted: [string, string, string][] = [
    ["chat", "message", "chat.message"],
    ["chat.", ".message", "chat.message"],
    ["chat", "", "chat"],
    ["", "message", "message"],
    ["", ".message", ".message"],
    ["", "", ""],
    ["/app/chat", "{id}", "/app/chat.{id}"],
  ];
  for (const [before, after, whole] of dotted) {
    it(`makes "${whole}" of "${before}" and "${after}" where dots separate`, () => {
      expect(combine(before, after, ".")).to.equal(whole);
    });
  }
});
