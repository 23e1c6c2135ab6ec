import { expect } from "chai";
import { chooseSubProtocol, negotiate } from "#lib/stomp/version.js";

describe("negotiate", () => {
  const CASES: [accepted: string | undefined, version: string | undefined][] = [
    [undefined, "1.0"],
    ["1.0", "1.0"],
    ["1.1", "1.1"],
    ["1.2", "1.2"],
    ["1.0,1.1,1.2", "1.2"],
    ["1.1,1.0", "1.1"],
    ["1.2,2.0", "1.2"],
    ["1.0, 1.1", "1.1"],
    [" 1.2 ", "1.2"],
    ["2.0", undefined],
    ["1.10", undefined],
    ["", undefined],
    ["garbage,,", undefined],
    ["__proto__", undefined],
  ];
  for (const [accepted, version] of CASES) {
    it(`answers ${accepted === undefined ? "no header" : `"${accepted}"`} with ${version}`, () => {
      expect(negotiate(accepted)).to.equal(version);
    });
  }
});

describe("chooseSubProtocol", () => {
  it("chooses the highest that is offered, in whatever order", () => {
    expect(chooseSubProtocol(["v10.stomp", "v11.stomp", "v12.stomp"])).to.equal("v12.stomp");
    expect(chooseSubProtocol(new Set(["v11.stomp", "v10.stomp"]))).to.equal("v11.stomp");
  });

  it("matches in any case, and answers in the client's spelling", () => {
    expect(chooseSubProtocol(["v10.stomp", "V12.STOMP"])).to.equal("V12.STOMP");
  });

  it("chooses none when none is STOMP's", () => {
    expect(chooseSubProtocol([])).to.equal(undefined);
    expect(chooseSubProtocol(["mqtt", "v13.stomp"])).to.equal(undefined);
  });
});
