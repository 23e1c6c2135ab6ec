import { expect } from "chai";
import { ConfigurationError, type RateLimitOptions, stompMessaging } from "express-stomp";

const GOOD = { per: "user", limit: 10, window: 1_000, beyond: "ignore" } as const;

describe("rateLimits at start", () => {
  const start = (rateLimits: unknown) => () =>
    stompMessaging({ endpoints: [{ path: "/ws" }], rateLimits: rateLimits as RateLimitOptions[] });

  for (const [given, text] of [
    [{}, "rateLimits must be an array"],
    [[null], "rateLimits[0] takes an object: it has destinations, command, per, limit, window, beyond"],
    [[GOOD, { ...GOOD, max: 1 }], 'rateLimits[1] has no option "max"'],
    [[{ ...GOOD, per: "ip" }], 'rateLimits[0].per is "ip": it must be "user" or "session" or "address"'],
    [[{ ...GOOD, per: undefined }], "rateLimits[0].per is undefined"],
    [[{ ...GOOD, command: "ACK" }], 'rateLimits[0].command is "ACK": it must be "SEND" or "SUBSCRIBE"'],
    [[{ ...GOOD, beyond: "drop" }], 'rateLimits[0].beyond is "drop"'],
    [[{ ...GOOD, limit: 0.5 }], "rateLimits[0].limit is 0.5: it must be a whole number above 0"],
    [[{ ...GOOD, window: 0 }], "rateLimits[0].window is 0: it must be a whole number of ms from 1"],
    [[{ ...GOOD, window: Number.POSITIVE_INFINITY }], "rateLimits[0].window is Infinity"],
    [[{ ...GOOD, destinations: "/app/**" }], "rateLimits[0].destinations must be an array of patterns"],
    [[{ ...GOOD, destinations: [] }], "rateLimits[0].destinations must be an array of patterns"],
    [[{ ...GOOD, destinations: ["/app/{a"] }], "rateLimits[0].destinations has /app/{a"],
    [[{ ...GOOD, command: "SUBSCRIBE" }], "a client whose SUBSCRIBE is ignored would wait"],
    [
      [{ ...GOOD, beyond: "wait", limit: 1, window: 60_000 }],
      "rateLimits[0]: a frame would wait 60000 ms for its turn, and none may wait longer than 10000",
    ],
  ] as const) {
    it(`are refused: ${text}`, () => {
      expect(start(given)).to.throw(ConfigurationError, text);
    });
  }

  it("are taken that make sense", () => {
    expect(start([GOOD, { ...GOOD, destinations: ["/app/{room:[a-z]+}"], command: "SEND" }])).not.to.throw();
  });
});
