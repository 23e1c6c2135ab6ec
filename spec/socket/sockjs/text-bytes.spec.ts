import { expect } from "chai";
import fc from "fast-check";
import { TextBytes, textOf } from "#lib/socket/sockjs/text-bytes.js";

describe("TextBytes", () => {
  it("gives the same bytes wherever a text is cut", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.array(fc.nat(20)), (text, cuts) => {
        const bytes = new TextBytes();
        const pieces: Uint8Array[] = [];
        let rest = text;
        for (const cut of cuts) {
          pieces.push(bytes.encode(rest.slice(0, cut)));
          rest = rest.slice(cut);
        }
        pieces.push(bytes.encode(rest));
        expect(Buffer.concat(pieces).toString()).to.equal(text);
      }),
    );
  });

  it("replaces halves that have no other half", () => {
    const bytes = new TextBytes();
    expect(textOf(bytes.encode("\ude00a\ud83d"))).to.equal("\ufffda");
    expect(textOf(bytes.encode("b"))).to.equal("\ufffdb");
  });
});
