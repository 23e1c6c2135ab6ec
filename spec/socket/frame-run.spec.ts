import { expect } from "chai";
import { octetsOf, utf8 } from "#lib/message/octets.js";
import { FrameRun } from "#lib/socket/frame-run.js";

function bytesOf(run: FrameRun): Buffer {
  return typeof run.chunk === "string" ? Buffer.from(run.chunk, "latin1") : run.chunk;
}

describe("FrameRun", () => {
  const heads: [length: number, head: string][] = [
    [0, "8100"],
    [125, "817d"],
    [126, "817e007e"],
    [65_535, "817effff"],
    [65_536, "817f0000000000010000"],
  ];
  for (const [length, head] of heads) {
    it(`frames a message of ${length} bytes`, () => {
      const run = FrameRun.of(octetsOf(Buffer.alloc(length, 0xe9)), false);

      expect(bytesOf(run).toString("hex")).to.equal(head + "e9".repeat(length));
      expect(run.length).to.equal(head.length / 2 + length);
    });
  }

  it("marks a binary message", () => {
    expect(bytesOf(FrameRun.of(utf8("\0"), true)).toString("hex")).to.equal("820100");
  });

  describe("when it is continued", () => {
    const [a, b, c] = ["a", "b", "c"].map((text) => FrameRun.of(utf8(text), false)) as [
      FrameRun,
      FrameRun,
      FrameRun,
    ];

    it("has the frames in order", () => {
      expect(bytesOf(a.plus(b).plus(c)).toString("hex")).to.equal("810161810162810163");
      expect(bytesOf(a).toString("hex")).to.equal("810161");
    });

    it("is the same run for all who continue it alike, and another for the rest", () => {
      const run = a.plus(b);

      expect(a.plus(b)).to.equal(run);
      expect(a.plus(c)).to.not.equal(run);
      expect(bytesOf(a.plus(b)).toString("hex")).to.equal("810161810162");
      expect(bytesOf(a.plus(a)).toString("hex")).to.equal("810161810161");
    });

    it("shares the bytes of a long run", () => {
      const long = FrameRun.of(utf8("x".repeat(20_000)), false);

      expect(a.plus(long).chunk).to.be.instanceOf(Buffer);
      expect(a.plus(long).chunk).to.equal(a.plus(long).chunk);
    });
  });
});
