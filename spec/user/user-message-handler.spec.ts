import { expect } from "chai";
import { createMessage, type Message } from "express-stomp";
import { systemClock } from "#lib/clock/clock.js";
import { EventPublisher } from "#lib/events.js";
import { Unserved } from "#lib/user/unserved.js";
import { UserMessageHandler } from "#lib/user/user-message-handler.js";
import { UserSessions } from "#lib/user/user-sessions.js";
import { recordingLogger } from "../support/recording.js";

describe("UserMessageHandler", () => {
  for (const [how, refuse] of [
    [
      "at once",
      () => {
        throw new RangeError("refused");
      },
    ],
    ["later", () => Promise.reject(new RangeError("refused"))],
  ] as [string, () => Promise<void>][]) {
    it(`gives a message to all sessions of a user, though the broker refuses it ${how} for one`, async () => {
      const given: (string | undefined)[] = [];
      const sessions = new UserSessions();
      for (const id of ["1", "2", "3"]) sessions.add(id, { name: "rod" });
      const logger = recordingLogger();
      const handler = new UserMessageHandler({
        prefix: "/user/",
        sessions,
        broker: {
          handle({ headers: { privateTo } }: Message) {
            given.push(privateTo);
            return privateTo === "1" ? refuse() : undefined;
          },
        },
        isServed: () => true,
        isServedElsewhere: () => false,
        unserved: new Unserved({
          applicationPrefixes: [],
          brokerPrefixes: [],
          userPrefix: "/user/",
          events: new EventPublisher(logger),
          logger,
          clock: systemClock,
        }),
      });

      const message = createMessage(new Uint8Array(), { destination: "/user/rod/queue/x" });
      const fault = await Promise.resolve(handler.handle(message)).catch((error: unknown) => error);

      expect(fault).to.be.instanceOf(RangeError);
      expect(given).to.deep.equal(["1", "2", "3"]);
    });
  }
});
