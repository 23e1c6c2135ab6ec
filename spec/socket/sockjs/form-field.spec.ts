import { expect } from "chai";
import { array, assert, nat, property, string, tuple } from "fast-check";
import { FormField } from "#lib/socket/sockjs/form-field.js";
import { PayloadError } from "#lib/socket/sockjs/json-texts.js";

function read(pieces: readonly string[]): string {
  const field = new FormField("d");
  return Buffer.concat(pieces.map((piece) => field.read(Buffer.from(piece)))).toString();
}

describe("FormField", () => {
  it("reads what URLSearchParams reads, in any slices", () => {
    const fields = array(tuple(string({ unit: "grapheme" }), string({ unit: "grapheme" })));
    assert(
      property(fields, string({ unit: "grapheme" }), nat(6), (others, value, length) => {
        const form = new URLSearchParams([
          ...others.filter(([name]) => name !== "d"),
          ["d", value],
          ["d", "second"],
        ]);
        const pieces = form.toString().match(new RegExp(`.{1,${length + 1}}`, "g")) ?? [];
        expect(read(pieces)).to.equal(form.get("d"));
      }),
    );
  });

  for (const [form, value] of [
    ["", ""],
    ["d", ""],
    ["d=", ""],
    ["d&d=x", "x"],
    ["dd=1&=2&d=3=4&d=5", "3=4"],
    ["x=d=1&d=+%2b", " +"],
  ] as const) {
    it(`finds "${value}" in ${form || "nothing"}`, () => {
      expect(read([form])).to.equal(value);
      expect(read([...form])).to.equal(value);
    });
  }

  it("keeps nothing of a name without end", () => {
    expect(read([...Array.from({ length: 1000 }, () => "d".repeat(1000)), "=1&d=2"])).to.equal("2");
  });

  for (const form of ["d=%zz", "d=%4x", "d=%%41"]) {
    it(`refuses ${form}`, () => {
      expect(() => read([...form])).to.throw(PayloadError, "Broken form encoding.");
    });
  }
});
