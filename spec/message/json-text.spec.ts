import { expect } from "chai";
import { MessageConversionError } from "express-stomp";
import { jsonText } from "#lib/message/json-text.js";

const CANNOT = "A payload cannot be written as JSON: ";

describe("jsonText", () => {
  it("writes what has no Map and no Set in it as JSON.stringify does", () => {
    class Point {
      x = 1;
      readonly #hidden = 2;
      readonly sum = () => this.x + this.#hidden;
    }
    class Empty {}
    const shared = { a: 1 };
    const nested: Record<string, unknown> = {};
    for (let i = 0, at = nested; i < 60; i++) at = at.next = { i };
    const values = [
      null,
      true,
      1.5,
      "text",
      [],
      {},
      [undefined, null, [1, [2]]],
      { missing: undefined, no: Number.NaN, date: new Date(0), twice: [shared, shared] },
      Object.create(null),
      new Point(),
      new Empty(),
      Object(5),
      Buffer.from("a"),
      nested,
      { toJSON: () => ({ own: "words" }) },
    ];
    for (const value of values) expect(jsonText(value)).to.equal(JSON.stringify(value));
  });

  it("writes Maps as objects, Sets and typed arrays as lists, wherever they stand", () => {
    class Positions extends Map<string, unknown> {
      name = "of Ann";
    }
    const cases: [unknown, string][] = [
      [
        new Map<unknown, unknown>([
          ["a", 1],
          [2, "b"],
        ]),
        '{"2":"b","a":1}',
      ],
      [new Set([1, "a"]), '[1,"a"]'],
      [{ rooms: new Map([["r1", { who: new Set(["ann"]) }]]) }, '{"rooms":{"r1":{"who":["ann"]}}}'],
      [[new Set([new Set([new Map()])])], "[[[{}]]]"],
      [new Positions([["a", 1]]), '{"a":1}'],
      [{ bytes: Uint8Array.of(1, 2), none: new Float64Array() }, '{"bytes":[1,2],"none":[]}'],
      [new Map([["__proto__", 1]]), '{"__proto__":1}'],
      [{ toJSON: () => new Map([["a", new Set()]]) }, '{"a":[]}'],
      [Object.assign(new Map([["a", 1]]), { toJSON: () => "its own" }), '"its own"'],
    ];
    for (const [value, text] of cases) expect(jsonText(value)).to.equal(text);
  });

  const circular: Record<string, unknown> = { list: [{}] };
  circular.list = [{ up: circular }];
  const circularMap = new Map<string, unknown>();
  circularMap.set("me", { again: circularMap });
  class Secret {
    readonly #word = "x";
    word() {
      return this.#word;
    }
  }

  const refused: [what: string, value: unknown, says: string][] = [
    ["undefined", undefined, "it is undefined: send null"],
    ["a function", () => 1, "it is a function: call it, or leave it out"],
    [
      "a method not called",
      { order: { total: () => 1 } },
      "its order.total is a function: call it, or leave it out",
    ],
    ["a function in a list", [[() => 1]], "its [0][0] is a function: call it, or leave it out"],
    ["a function in a Map", new Map([["a", () => 1]]), "its a is a function: call it, or leave it out"],
    ["a symbol", { a: Symbol("x") }, "its a is a symbol"],
    [
      "a BigInt",
      { rows: [{ "the id": 10n }] },
      'its rows[0]["the id"] is a BigInt: make it text, or a number',
    ],
    ["BigInts", new BigInt64Array(1), "its [0] is a BigInt: make it text, or a number"],
    ["a circle", circular, "its list[0].up refers to itself"],
    ["a circle of Maps", circularMap, "its me.again refers to itself"],
    ["a promise", { later: Promise.resolve(1) }, "its later is of Promise, and would be {}: await it"],
    [
      "an error",
      { error: new Error("x") },
      "its error is of Error, and would be {}: JSON writes fields alone",
    ],
    ["what is private", new Secret(), "it is of Secret, and would be {}: JSON writes fields alone"],
    ["an expression", /x/, "it is of RegExp, and would be {}"],
    ["a Map by objects", new Map([[{}, 1]]), "it is a Map with a key that is no text: object"],
    [
      "a throwing getter",
      {
        get a() {
          throw new RangeError("no a");
        },
      },
      "no a",
    ],
  ];
  for (const [what, value, says] of refused) {
    it(`refuses ${what}, and says where it is`, () => {
      expect(() => jsonText(value)).to.throw(MessageConversionError, CANNOT + says);
    });
  }

  it("finds a circle at once, however much hangs on it", () => {
    const node = (up?: unknown): Record<string, unknown> => ({ up });
    const root = node();
    root.below = Array.from({ length: 200 }, () => node(root));
    expect(() => jsonText(root)).to.throw(CANNOT, "its below[0].up refers to itself");
  });

  it("does not end the process over what is deeper than the stack", () => {
    let value: unknown = new Map();
    for (let i = 0; i < 100_000; i++) value = [value];
    expect(() => jsonText(value)).to.throw(MessageConversionError);
  });
});
