import { expect } from "chai";
import {
  type PresenceOptions,
  type StompMessagingOptions,
  simpleBroker,
  stompBrokerRelay,
  stompMessaging,
} from "express-stomp";

import { recordingLogger } from "../../support/recording.js";

describe("The option presence", () => {
  const start = (presence: unknown, options: Partial<StompMessagingOptions> = {}) =>
    stompMessaging({
      endpoints: [{ path: "/ws" }],
      applicationDestinationPrefixes: ["/app"],
      broker: simpleBroker({ destinationPrefixes: ["/topic", "/queue"], queuePrefixes: ["/queue"] }),
      presence: presence as PresenceOptions,
      logger: recordingLogger(),
      ...options,
    });

  for (const [presence, text] of [
    [{ destinations: "/topic/a" }, "presence: destinations must be an array of texts"],
    [{ destinations: ["/topic/{a"] }, "presence: /topic/{a is no destination"],
    [{ destinations: ["/topic/a/presence"] }, "presence: destinations must be"],
    [{ destinations: ["/queue/jobs"] }, "nobody can be told of /queue/jobs: it may be a queue"],
    [{ destinations: ["/**"] }, "it may be a queue"],
    [{ destinations: ["/user/queue/x"] }, "nobody can be told of /user/queue/x: it is a user's own"],
    [{ destinations: ["/app/x"] }, "nobody can be told of /app/x: it is the controllers'"],
    [{ destinations: ["/elsewhere"] }, "nobody can be told of /elsewhere: the broker has /topic and /queue"],
    [{ info: "nick" }, "presence: info must be a function of the user, not 'nick'"],
    [{ visible: true }, "presence: visible must be a function of the user, not true"],
    [{ goneAfter: -1 }, "presence: goneAfter must be a whole number of ms"],
    [{ gather: 0 }, "presence: gather must be a whole number of ms from 1"],
    [{ namesLimit: 0 }, "presence: namesLimit must be a whole number above 0"],
    [{ suffix: "a/b" }, "presence: suffix must be one segment"],
    [{ rooms: [] }, 'presence has no option "rooms"'],
    [true, "presence takes an object"],
  ] as const) {
    it(`${JSON.stringify(presence)}: ${text}`, () => {
      expect(() => start(presence)).to.throw(text);
    });
  }

  it("takes topics of a relay, and no queues", async () => {
    const broker = stompBrokerRelay({ autoStartup: false, systemPasscode: "x" });
    await start({ destinations: ["/topic/room.*", "/exchange/rooms/*"] }, { broker }).close();
    expect(() => start({ destinations: ["/queue/a"] }, { broker })).to.throw("it may be a queue");
  });

  it("is asked for by presence.of", async () => {
    const messaging = start(undefined);
    expect(() => messaging.presence.of("/topic/a")).to.throw("presence.of needs the option presence");
    await messaging.close();
    const other = start({ destinations: ["/topic/room/*"] });
    expect(() => other.presence.of("/topic/a")).to.throw(
      "presence.of takes one of presence.destinations (/topic/room/*), and not /topic/a",
    );
    expect(() => other.presence.of(undefined as unknown as string)).to.throw("and not undefined");
    await other.close();
  });
});
