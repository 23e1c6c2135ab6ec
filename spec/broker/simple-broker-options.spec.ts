import { inspect } from "node:util";
import { expect } from "chai";
import {
  ConfigurationError,
  type HistoryOptions,
  type SimpleBrokerOptions,
  simpleBroker,
  stompMessaging,
} from "express-stomp";
import { BrokerHost } from "../support/broker-host.js";

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
      ["historySizeLimit", 0],
      ["conflate", {}],
      ["conflate", [null]],
      ["conflate", [{ destinations: ["/a"], every: 1, by: 1 }]],
      ["conflate", [{ destinations: "/a", every: 1 }]],
      ["conflate", [{ destinations: [], every: 1 }]],
      ["conflate", [{ destinations: ["/a"], every: 0 }]],
      ["conflate", [{ destinations: ["/a"], every: 1, key: "symbol" }]],
      ["conflationSizeLimit", 0],
      ["replayLimit", Number.POSITIVE_INFINITY],
      ["selectorHeaderName", ""],
      ["selectorHeaderName", true],
    ];
    for (const [option, value] of wrong) {
      it(`fails at once and names ${option} for ${JSON.stringify(value)}`, () => {
        expect(() => simpleBroker({ [option]: value })).to.throw(
          ConfigurationError,
          new RegExp(`simpleBroker: ${option}\\b`),
        );
      });
    }
  });

  describe("with a history", () => {
    const rooms = { destinations: ["/topic/room/**"], size: 100, ttl: 300_000 };
    const wrong: [change: object, text: string][] = [
      [{ destinations: undefined }, "history.destinations must be an array of patterns"],
      [{ destinations: [] }, "history.destinations must be an array of patterns"],
      [{ destinations: "/topic/a" }, "history.destinations must be an array of patterns"],
      [{ destinations: [""] }, "history.destinations must be an array of patterns"],
      [{ size: undefined }, "history.size must be a whole number of messages from 1 to 10,000"],
      [{ size: 0 }, "history.size must be"],
      [{ size: 10_001 }, "history.size must be"],
      [{ size: "100" }, "history.size must be"],
      [{ ttl: undefined }, "history.ttl must be a whole number of ms from 1: without it"],
      [{ ttl: 0 }, "history.ttl must be"],
      [{ ttl: Number.POSITIVE_INFINITY }, "history.ttl must be"],
      [{ maxAge: 1 }, 'history has no option "maxAge"; it has destinations, size, ttl'],
    ];
    for (const [change, text] of wrong) {
      it(`fails at once for ${inspect(change)}, alone and among several`, () => {
        const given = { ...rooms, ...change } as HistoryOptions;
        for (const history of [given, [rooms, given]]) {
          expect(() => simpleBroker({ history })).to.throw(ConfigurationError, `simpleBroker: ${text}`);
        }
      });
    }

    it("fails when it is no object", () => {
      for (const history of [null, 7, "/topic/a", [null]]) {
        expect(() => simpleBroker({ history } as object)).to.throw(
          ConfigurationError,
          "history takes an object",
        );
      }
    });

    function start(destination: string, options: SimpleBrokerOptions = {}): void {
      new BrokerHost().start({ history: { ...rooms, destinations: [destination] }, ...options });
    }

    it("fails with the broker's start for a pattern that cannot be read", () => {
      expect(() => start("/topic/{")).to.throw(
        ConfigurationError,
        "simpleBroker: history.destinations has the pattern /topic/{: The braces",
      );
    });

    it("fails for queues and users' destinations where messages are conflated", () => {
      const conflate = (destination: string) =>
        new BrokerHost().start({
          queuePrefixes: ["/queue"],
          conflate: [{ destinations: [destination], every: 100 }],
        });
      expect(() => conflate("/**")).to.throw(
        ConfigurationError,
        "simpleBroker: conflate[0].destinations has /**, which may be a queue of queuePrefixes /queue. Each message",
      );
      expect(() => conflate("/user/queue/a")).to.throw(ConfigurationError, "which is of users");
      expect(() => conflate("/topic/**")).not.to.throw();
    });

    it("fails for queues, and says why", () => {
      for (const destination of ["/queue/a", "/queue/**", "/**", "/*/a"]) {
        expect(() => start(destination, { queuePrefixes: ["/queue"] })).to.throw(
          ConfigurationError,
          `history.destinations has ${destination}, which may be a queue of queuePrefixes /queue. Queues have no history`,
        );
      }
      expect(() => start("/user/queue/a", { queuePrefixes: ["/queue"] })).not.to.throw();
      expect(() => start("/queues/a", { queuePrefixes: ["/queue"] })).not.to.throw();
      expect(() => start("/topic/queue/a", { queuePrefixes: ["/queue"] })).not.to.throw();
    });

    it("fails for what is none of the broker's destinations, and names those", () => {
      const options = { destinationPrefixes: ["/topic", "/sub"] };
      for (const destination of ["/topics/a", "/news", "/tópic/a"]) {
        expect(() => start(destination, options)).to.throw(
          ConfigurationError,
          `${destination}, which is none of the broker's destinations, which begin with /topic or /sub`,
        );
      }
      for (const destination of ["/topic/a", "/sub/**", "/**", "/user/queue/a"]) {
        expect(() => start(destination, options)).not.to.throw();
      }
    });

    it("fails for what is the controllers'", () => {
      const history = { ...rooms, destinations: ["/app/room/*"] };
      expect(() =>
        stompMessaging({
          endpoints: [{ path: "/ws" }],
          applicationDestinationPrefixes: ["/app"],
          broker: simpleBroker({ history }),
        }),
      ).to.throw(ConfigurationError, "/app/room/*, which is under a prefix of the application");
    });

    it("knows users' destinations by the application's own prefix", () => {
      const history = { ...rooms, destinations: ["/person/queue/a"] };
      const options = { endpoints: [{ path: "/ws" }], userDestinationPrefix: "/person" };
      const broker = simpleBroker({ destinationPrefixes: ["/topic"], history });
      expect(() => stompMessaging({ ...options, broker })).not.to.throw();
    });
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
