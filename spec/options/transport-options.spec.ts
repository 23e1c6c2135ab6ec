import { expect } from "chai";
import { ConfigurationError, type StompMessagingOptions, stompMessaging } from "express-stomp";

describe("The options of transport", () => {
  const messagingWith = (transport: object) =>
    stompMessaging({ endpoints: [{ path: "/ws" }], transport } as StompMessagingOptions);

  for (const [name, value] of [
    ["messageSizeLimit", 0],
    ["connectSizeLimit", -1],
    ["headerCountLimit", 1.5],
    ["headerLineLimit", "8192"],
    ["headerBytesLimit", Number.NaN],
    ["timeToFirstMessage", Number.POSITIVE_INFINITY],
    ["connectTimeLimit", null],
    ["sendTimeLimit", undefined],
    ["sendBufferSizeLimit", 2 ** 53],
    ["inboundRateLimit", 0],
    ["connectionLimit", -1],
    ["connectionsPerAddressLimit", "many"],
    ["unconnectedLimit", 0],
    ["overflowStrategy", "drop-newest"],
    ["perMessageDeflate", "yes"],
    ["idLengthLimit", 0],
    ["handshakeTimeout", 0],
    ["handshakeTimeout", 2 ** 31],
  ] as const) {
    it(`fail at start and name ${name} for ${String(value)}`, () => {
      expect(() => messagingWith({ [name]: value })).to.throw(
        ConfigurationError,
        `transport.${name} is ${String(value)}: it must be`,
      );
    });
  }

  it("fail at start for a name that is none", () => {
    expect(() => messagingWith({ sendTimelimit: 1 })).to.throw(ConfigurationError, '"sendTimelimit"');
  });

  it("may be Infinity where the default is, and for unconnectedLimit", async () => {
    const unlimited = Number.POSITIVE_INFINITY;
    const messaging = messagingWith({
      inboundRateLimit: unlimited,
      connectionLimit: unlimited,
      connectionsPerAddressLimit: unlimited,
      unconnectedLimit: unlimited,
    });
    await messaging.close();
  });
});
