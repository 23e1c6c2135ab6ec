import { expect } from "chai";
import { ConfigurationError, stompBrokerRelay } from "express-stomp";

describe("stompBrokerRelay's options", () => {
  const wrong: [option: string, value: unknown][] = [
    ["destinationPrefixes", "/topic"],
    ["destinationPrefixes", [""]],
    ["relayHost", ""],
    ["relayHost", 7],
    ["relayPort", 0],
    ["relayPort", "61613"],
    ["relayPort", 65_536],
    ["addresses", []],
    ["addresses", [{ port: 1 }]],
    ["addresses", [{ host: "a", port: -1 }]],
    ["addresses", [null]],
    ["addresses", "a:1"],
    ["tls", "yes"],
    ["tls", null],
    ["clientLogin", "a\nb"],
    ["systemLogin", 1],
    ["virtualHost", ""],
    ["virtualHost", "a\rb"],
    ["passClientLogin", "yes"],
    ["autoStartup", 1],
    ["heartbeatValue", [1, 1]],
    ["heartbeatValue", 10_000],
    ["systemHeartbeatSendInterval", 99],
    ["systemHeartbeatReceiveInterval", -1],
    ["connectTimeout", 0],
    ["connectedTimeout", 2 ** 31],
    ["receiptTimeout", 1.5],
    ["sendTimeLimit", Number.POSITIVE_INFINITY],
    ["reconnectInterval", "1"],
    ["messageSizeLimit", 0],
    ["headerBytesLimit", -1],
    ["sendBufferSizeLimit", Number.NaN],
    ["subscriptionLimit", 0],
  ];
  for (const [option, value] of wrong) {
    it(`fail at once and name ${option} for ${JSON.stringify(value)}`, () => {
      expect(() => stompBrokerRelay({ [option]: value })).to.throw(
        ConfigurationError,
        `stompBrokerRelay: ${option} must be `,
      );
    });
  }

  it("never show a passcode", () => {
    for (const option of ["clientPasscode", "systemPasscode"]) {
      expect(() => stompBrokerRelay({ [option]: "secret\n" })).to.throw(
        ConfigurationError,
        /^stompBrokerRelay: (client|system)Passcode must be a text on one line$/,
      );
    }
  });

  it("refuse certificates and keys that cannot be read, and do not show them", () => {
    for (const tls of [{ cert: "secret" }, { key: "secret" }, { pfx: "secret" }]) {
      expect(() => stompBrokerRelay({ tls })).to.throw(
        ConfigurationError,
        /^stompBrokerRelay: tls cannot be used: ((?!secret).)*$/,
      );
    }
  });

  it("refuse an option that there is not, and two places for one broker", () => {
    expect(() => stompBrokerRelay({ host: "a" } as object)).to.throw(
      ConfigurationError,
      'has no option "host"',
    );
    expect(() => stompBrokerRelay({ relayPort: 1, addresses: [{ host: "a" }] })).to.throw(
      ConfigurationError,
      "addresses stands in place of relayHost and relayPort",
    );
  });
});
