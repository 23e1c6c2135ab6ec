import { expect } from "chai";
import { ConfigurationError, simpleBroker } from "express-stomp";

describe("simpleBroker", () => {
  describe("when an option makes no sense", () => {
    const wrong: [option: string, value: unknown][] = [
      ["destinationPrefixes", "/sub"],
      ["destinationPrefixes", [""]],
      ["destinationPrefixes", ["/sub", 1]],
      ["destinationPrefixes", null],
      ["heartbeatValue", 10_000],
      ["heartbeatValue", [10_000]],
      ["heartbeatValue", [0, 0, 0]],
      ["heartbeatValue", [-1, 0]],
      ["heartbeatValue", [99, 0]],
      ["heartbeatValue", [0, 0.5]],
      ["heartbeatValue", [0, Number.NaN]],
      ["heartbeatValue", [2 ** 31, 0]],
      ["heartbeatValue", ["0", "0"]],
      ["subscriptionLimit", 0],
      ["subscriptionLimit", "9"],
      ["subscriptionLimit", Number.POSITIVE_INFINITY],
    ];
    for (const [option, value] of wrong) {
      it(`fails at once and names ${option} for ${JSON.stringify(value)}`, () => {
        expect(() => simpleBroker({ [option]: value })).to.throw(
          ConfigurationError,
          `simpleBroker: ${option} `,
        );
      });
    }
  });

  it("takes every option left out, and every one at its bounds", () => {
    expect(() => simpleBroker()).not.to.throw();
    expect(() => simpleBroker({ destinationPrefixes: [], heartbeatValue: [0, 2 ** 31 - 1] })).not.to.throw();
    expect(() => simpleBroker({ subscriptionLimit: 1 })).not.to.throw();
  });
});
