import { inspect } from "node:util";
import { expect } from "chai";
import { NativeHeaders } from "express-stomp";

const headers = NativeHeaders.of([
  ["a", "1"],
  ["b", "2"],
  ["a", "3"],
]);

describe("NativeHeaders", () => {
  it("lets the first of repeated names count and keeps the others", () => {
    expect(headers.get("a")).to.equal("1");
    expect(headers.getAll("a")).to.deep.equal(["1", "3"]);
    expect([...headers]).to.deep.equal([
      ["a", "1"],
      ["b", "2"],
      ["a", "3"],
    ]);
    expect(headers.size).to.equal(3);
  });

  it("cuts headers out of a text in which they are marked", () => {
    const cut = NativeHeaders.fromMarks("X\na:1\nbc:2\na:\n", [2, 3, 5, 6, 8, 10, 11, 12, 13]);
    expect(cut.size).to.equal(3);
    expect(cut.get("a")).to.equal("1");
    expect(cut.get("bc")).to.equal("2");
    expect(cut.get("b")).to.equal(undefined);
    expect(cut.getAll("a")).to.deep.equal(["1", ""]);
    expect([...cut.without("bc")]).to.deep.equal([
      ["a", "1"],
      ["a", ""],
    ]);
    expect(cut.get("bc")).to.equal("2");
    expect(NativeHeaders.fromMarks("", [])).to.equal(NativeHeaders.EMPTY);
  });

  it("gives changed copies and stays as it is", () => {
    expect([...headers.with("a", "9")]).to.deep.equal([
      ["a", "9"],
      ["b", "2"],
    ]);
    expect([...headers.with("c", "4")].at(-1)).to.deep.equal(["c", "4"]);
    expect([...headers.without("a")]).to.deep.equal([["b", "2"]]);
    expect(headers.size).to.equal(3);
  });

  it("takes an object's values as text and leaves out what is missing", () => {
    expect([...NativeHeaders.of({ n: 1, t: true, u: undefined, z: null })]).to.deep.equal([
      ["n", "1"],
      ["t", "true"],
    ]);
  });

  it("knows the names of every object's prototype as names like any other", () => {
    const hostile = NativeHeaders.of([["__proto__", "x"]]);

    expect(hostile.get("__proto__")).to.equal("x");
    expect(hostile.get("constructor")).to.equal(undefined);
    expect(NativeHeaders.EMPTY.get("toString")).to.equal(undefined);
  });

  it("shows no secrets when it is printed", () => {
    const secrets = NativeHeaders.of({ login: "joe", passcode: "sesame", Authorization: "Bearer sesame" });

    expect(inspect(secrets) + JSON.stringify(secrets))
      .to.include("PROTECTED")
      .and.not.include("sesame");
  });
});
