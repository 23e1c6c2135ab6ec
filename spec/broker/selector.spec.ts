import { expect } from "chai";
import { createMessage, MessageDeliveryError, NativeHeaders } from "express-stomp";
import fc from "fast-check";
import { Selector } from "#lib/broker/selector/selector.js";
import { countOperations } from "../support/count-operations.js";

/** Headers of the message that these specs choose, or not. */
const HEADERS = {
  color: "red",
  n: "5",
  price: "19.90",
  tiny: "1e-3",
  flag: "true",
  off: "false",
  name: "O'Brien",
  empty: "",
  word: "five",
  "x-type": "a b",
  __proto: "x",
};

const message = createMessage(new Uint8Array(0), {
  destination: "/topic/a",
  contentType: "text/plain",
  native: NativeHeaders.of(HEADERS),
});

function chooses(selector: string): boolean {
  return Selector.parse(selector).matches(message);
}

/** What the client reads when its selector is refused. */
function refusal(selector: string): string {
  try {
    Selector.parse(selector);
  } catch (error) {
    expect(error).to.be.instanceOf(MessageDeliveryError);
    return (error as MessageDeliveryError).publicMessage as string;
  }
  throw new Error(`${selector} was taken`);
}

describe("Selector", () => {
  describe("when it compares", () => {
    for (const selector of [
      "color = 'red'",
      "color <> 'blue'",
      "'red' = color",
      "name = 'O''Brien'",
      "n = 5",
      "n = 5.0",
      "n > 4 AND n >= 5 AND n < 6 AND n <= 5",
      "n <> 6",
      "price = 19.9",
      "tiny = 0.001",
      "n = .5e1",
      "n = 5.",
      "n = 0x5",
      "-n = -5",
      "+n = 5",
      "- - n = 5",
      "n + 1 = 6 AND n - 1 = 4 AND n * 2 = 10 AND n / 2 = 2.5",
      "n + 2 * 3 = 11",
      "(n + 2) * 3 = 21",
      "10 - n - 2 = 3",
      "2 * -n = -10",
      "n < price",
      "flag = TRUE",
      "flag",
      "off = FALSE",
      "off <> true",
      "NOT off",
      "destination = '/topic/a'",
      "\"content-type\" = 'text/plain'",
      "\"x-type\" = 'a b'",
      "TRUE",
      "empty = ''",
    ]) {
      it(`chooses by ${selector}`, () => expect(chooses(selector)).to.equal(true));
    }

    for (const selector of [
      "color = 'RED'",
      "color = 'red '",
      "color <> 'red'",
      "n > 5",
      "n = '5.0'",
      "FALSE",
      "off",
      "NOT flag",
    ]) {
      it(`does not by ${selector}`, () => expect(chooses(selector)).to.equal(false));
    }
  });

  describe("when something is unknown", () => {
    for (const unknown of [
      "missing = 'x'",
      "missing <> 'x'",
      "missing > 1",
      "missing",
      "word > 1",
      "word = 5",
      "word <> 5",
      "color = TRUE",
      "empty = 0",
      "n / 0 = 1",
      "missing + 1 = 1",
      "missing LIKE '%'",
      "missing IN ('x')",
      "missing BETWEEN 1 AND 2",
      "constructor = 'x'",
      "__proto__ = 'x'",
    ]) {
      it(`chooses neither by ${unknown} nor by its opposite`, () => {
        expect(chooses(unknown)).to.equal(false);
        expect(chooses(`NOT (${unknown})`)).to.equal(false);
        expect(chooses(`${unknown} OR color = 'red'`)).to.equal(true);
        expect(chooses(`NOT (${unknown} AND color = 'blue')`)).to.equal(true);
        expect(chooses(`${unknown} AND color = 'red'`)).to.equal(false);
      });
    }
  });

  describe("when it has predicates", () => {
    const cases: [selector: string, chosen: boolean][] = [
      ["n BETWEEN 5 AND 6", true],
      ["n BETWEEN 4 + 1 AND 2 * 3", true],
      ["n BETWEEN 6 AND 9", false],
      ["n NOT BETWEEN 6 AND 9", true],
      ["n BETWEEN 1 AND 9 AND color = 'red'", true],
      ["n BETWEEN 1 AND 9 AND n BETWEEN 6 AND 9", false],
      ["NOT n BETWEEN 6 AND 9", true],
      ["(n) BETWEEN (1) AND (9)", true],
      ["color IN ('blue', 'red')", true],
      ["color IN ('blue')", false],
      ["color NOT IN ('blue')", true],
      ["n IN ('5')", true],
      ["missing IS NULL", true],
      ["missing IS NOT NULL", false],
      ["color IS NULL", false],
      ["color IS NOT NULL AND n IS NOT NULL", true],
      ["empty IS NULL", false],
      ["toString IS NULL", true],
      ["color LIKE 'r%'", true],
      ["color LIKE 'r_d'", true],
      ["color LIKE '_'", false],
      ["color LIKE '%e%'", true],
      ["color LIKE 'red'", true],
      ["color LIKE 'RED'", false],
      ["color NOT LIKE 'b%'", true],
      ["color LIKE ''", false],
      ["empty LIKE ''", true],
      ["empty LIKE '%'", true],
      ["empty LIKE '_'", false],
      ["\"x-type\" LIKE '% %'", true],
    ];
    for (const [selector, chosen] of cases) {
      it(`${chosen ? "chooses" : "does not choose"} by ${selector}`, () => {
        expect(chooses(selector)).to.equal(chosen);
      });
    }
  });

  it("binds NOT before AND before OR, and brackets first; keywords in any case", () => {
    expect(chooses("TRUE OR TRUE AND FALSE")).to.equal(true);
    expect(chooses("(TRUE OR TRUE) AND FALSE")).to.equal(false);
    expect(chooses("NOT FALSE AND FALSE")).to.equal(false);
    expect(chooses("not (false and False) Or fAlse")).to.equal(true);
    expect(chooses("color='red'and n>4")).to.equal(true);
  });

  it("reads % and _ behind ESCAPE as themselves", () => {
    const like = (value: string, pattern: string) =>
      Selector.parse(pattern).matches(
        createMessage(new Uint8Array(0), { native: NativeHeaders.of({ a: value }) }),
      );
    expect(like("50%", "a LIKE '50!%' ESCAPE '!'")).to.equal(true);
    expect(like("500", "a LIKE '50!%' ESCAPE '!'")).to.equal(false);
    expect(like("a_b!", "a LIKE 'a!_b!!' ESCAPE '!'")).to.equal(true);
    expect(like("axb!", "a LIKE 'a!_b!!' ESCAPE '!'")).to.equal(false);
    expect(like("🎈!", "a LIKE '_!'")).to.equal(true);
  });

  it("reads LIKE as a regular expression would", () => {
    const characters = fc.constantFrom("a", "b", "%", "_");
    const patterns = fc
      .array(characters, { maxLength: 70 })
      .map((list) => list.join(""))
      .filter((pattern) => !/[ab_]{33}/.test(pattern));
    const texts = fc.array(fc.constantFrom("a", "b"), { maxLength: 70 }).map((list) => list.join(""));
    fc.assert(
      fc.property(patterns, texts, (pattern, text) => {
        const expression = new RegExp(`^${pattern.replace(/%+/g, "[^]*").replaceAll("_", "[^]")}$`);
        const headers = { native: NativeHeaders.of({ a: text }) };
        const chosen = Selector.parse(`a LIKE '${pattern}'`).matches(
          createMessage(new Uint8Array(0), headers),
        );
        expect(chosen).to.equal(expression.test(text));
      }),
      { numRuns: 300 },
    );
  });

  for (const pattern of [
    `${"%a".repeat(60)}b`,
    `%${"a".repeat(60)}b${"a".repeat(60)}%`,
    `%${"ab".repeat(60)}c%`,
    `%${"a_".repeat(15)}b%`,
  ]) {
    it(`reads each character a few times for LIKE '${pattern.slice(0, 20)}…'`, () => {
      const selector = Selector.parse(`a LIKE '${pattern}'`);
      const length = 50_000;
      const slow = createMessage(new Uint8Array(0), {
        native: NativeHeaders.of({ a: "a".repeat(length) }),
      });
      let chosen = true;
      const operations = countOperations(() => {
        chosen = selector.matches(slow);
      });
      expect(chosen).to.equal(false);
      expect(operations).to.be.below(5 * length);
    });
  }

  it("reads no more of a header than it must for LIKEs of its beginning and end", () => {
    const likes = Array.from({ length: 20 }, (_, i) => `a LIKE '%${i}' OR a LIKE '${i}%'`).join(" OR ");
    const selector = Selector.parse(likes.slice(0, 500).replace(/ OR [^%]*%?[^']*'?$/, ""));
    const long = createMessage(new Uint8Array(0), { native: NativeHeaders.of({ a: "a".repeat(8000) }) });
    expect(countOperations(() => selector.matches(long))).to.be.below(100);
  });

  it("looks for something in the middle of headers by 8 LIKEs at most", () => {
    const likes = (count: number) => Array.from({ length: count }, () => "a LIKE '%b%'").join(" OR ");
    expect(() => Selector.parse(`${likes(8)} OR a LIKE 'b%' OR a LIKE '%b' OR a LIKE 'b%b'`)).not.to.throw();
    expect(refusal(likes(9))).to.include("More than 8 LIKEs look for something between two %, at character");
  });

  describe("when it cannot be read", () => {
    for (const selector of [
      "",
      " ",
      "color =",
      "= 'red'",
      "color 'red'",
      "color = 'red' AND",
      "color = 'red",
      'color" = 1',
      "(color = 'red'",
      "color = 'red')",
      "()",
      "color = 'red' OR OR n = 5",
      "color == 'red'",
      "color != 'red'",
      "color = 'red'; n = 5",
      "color := 'red'",
      "n = 5x",
      "n = 1.2.3",
      "n = 1e",
      "'red'",
      "5",
      "n + 5",
      "-n",
      "NOT n + 1",
      "'a' < 'b'",
      "'a' = 1",
      "1 = TRUE",
      "'a' + 1 = 2",
      "TRUE AND 1",
      "color = 'red' = 1",
      "n BETWEEN 1",
      "n BETWEEN 1 OR 2",
      "(n BETWEEN 1) AND 2",
      "n BETWEEN 'a' AND 'b'",
      "n BETWEEN 1 AND 2 AND",
      "color IN ()",
      "color IN 'red'",
      "color IN ('red'",
      "color IN ('red',)",
      "color IN (1)",
      "'red' IN ('red')",
      "color LIKE 5",
      "color LIKE n",
      "'red' LIKE 'r%'",
      "color LIKE 'r%' ESCAPE ''",
      "color LIKE 'r%' ESCAPE 'ab'",
      "color LIKE 'r!x' ESCAPE '!'",
      "color LIKE 'r!' ESCAPE '!'",
      "color IS 'red'",
      "color IS NOT",
      "NULL = NULL",
      "color NOT = 'red'",
      "(color) IS NULL",
      '"" = 1',
      "constructor.constructor('return process')()",
      "process.exit()",
      "T(java.lang.Runtime).getRuntime().exec('touch x')",
      "headers['color'] == 'red'",
      "color = `red`",
      "color matches '(a+)+$'",
      `n = ${"x".repeat(600)}`,
      `${"(".repeat(250)}TRUE${")".repeat(249)}`,
      `a LIKE '${"%".repeat(129)}'`,
      `a LIKE '%${"a_".repeat(17)}%'`,
    ]) {
      it(`refuses ${selector.slice(0, 60) || "nothing"}`, () => {
        expect(refusal(selector)).to.match(
          /^(The selector cannot be read: .* at character \d+|A selector has at most 512)/,
        );
      });
    }

    it("says what is wrong, and where", () => {
      expect(refusal("color = 'red' AND")).to.equal(
        "The selector cannot be read: It ends too early, at character 18",
      );
      expect(refusal("color LIKE n")).to.equal(
        "The selector cannot be read: A text in single quotes is missing, at character 12",
      );
    });

    it("refuses whatever is thrown at it, or takes it, and does nothing else", () => {
      const words = fc.constantFrom(
        ..."AND OR NOT BETWEEN LIKE ESCAPE IN IS NULL TRUE ( ) , = <> < + - * / a n 'x' 1 \"".split(" "),
      );
      const selectors = fc.oneof(
        fc.string({ maxLength: 60 }),
        fc.array(words, { maxLength: 25 }).map((list) => list.join(" ")),
      );
      fc.assert(
        fc.property(selectors, (text) => {
          try {
            expect(chooses(text)).to.be.a("boolean");
          } catch (error) {
            expect(error).to.be.instanceOf(MessageDeliveryError);
          }
        }),
        { numRuns: 2000 },
      );
    });

    it("reads the deepest brackets there is room for", () => {
      expect(chooses(`${"(".repeat(250)}TRUE${")".repeat(250)}`)).to.equal(true);
      expect(chooses(`${"NOT ".repeat(120)}TRUE`)).to.equal(true);
      expect(chooses(`0 = ${"-".repeat(400)}0`)).to.equal(true);
    });
  });
});
