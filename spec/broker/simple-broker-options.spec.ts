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
      ["unacknowledgedLimit", 0],
      ["transactionSizeLimit", -1],
      ["backlogLimit", 1.5],
      ["backlogSizeLimit", "1"],
      ["deliveryAttempts", 0],
      ["queuePrefixes", "/queue"],
      ["queuePrefixes", [""]],
      ["overflowStrategy", "terminate"],
      ["deadLetterDestination", ""],
      ["retainLast", "/topic/a"],
      ["retainLast", [1]],
      ["retainLast", [""]],
      ["selectorHeaderName", ""],
      ["selectorHeaderName", true],
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

  it("refuses a dead letter destination that is not its own", () => {
    const options = { destinationPrefixes: ["/topic"], queuePrefixes: ["/queue"] };
    expect(() => simpleBroker({ ...options, deadLetterDestination: "/dead" })).to.throw(
      ConfigurationError,
      "simpleBroker: deadLetterDestination must be a destination of this broker",
    );
    expect(() => simpleBroker({ ...options, deadLetterDestination: "/queue/dead" })).not.to.throw();
    expect(() => simpleBroker({ deadLetterDestination: "/dead" })).not.to.throw();
  });

  it("refuses an option that there is not, and names those there are", () => {
    const options = { selectorHeader: "selector" };
    expect(() => simpleBroker(options as object)).to.throw(
      ConfigurationError,
      /has no option "selectorHeader"; it has destinationPrefixes, .*selectorHeaderName/,
    );
  });

  it("takes every option left out, and every one at its bounds", () => {
    expect(() => simpleBroker()).not.to.throw();
    expect(() => simpleBroker({ destinationPrefixes: [], heartbeatValue: [0, 2 ** 31 - 1] })).not.to.throw();
    expect(() => simpleBroker({ subscriptionLimit: 1 })).not.to.throw();
  });
});
