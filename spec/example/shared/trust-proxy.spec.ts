import { expect } from "chai";
import { trustProxy } from "../../../example/shared/trust-proxy.js";

describe("trustProxy", () => {
  for (const [variable, setting] of [
    [undefined, false],
    ["", false],
    ["false", false],
    ["true", true],
    ["2", 2],
    ["loopback", "loopback"],
    [" 10.0.0.0/8, 192.0.2.1 ", "10.0.0.0/8, 192.0.2.1"],
  ] as const) {
    it(`makes ${JSON.stringify(setting)} of ${JSON.stringify(variable)}`, () => {
      expect(trustProxy(variable)).to.equal(setting);
    });
  }
});
