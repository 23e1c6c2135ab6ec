import { expect } from "chai";
import { createMessage, type Message } from "express-stomp";
import { systemClock } from "#lib/clock/clock.js";
import { EventPublisher } from "#lib/events.js";
import { Unserved } from "#lib/user/unserved.js";
import { type OtherServers, UserMessageHandler } from "#lib/user/user-message-handler.js";
import { UserSessions } from "#lib/user/user-sessions.js";
import { recordingLogger } from "../support/recording.js";

describe("UserMessageHandler", () => {
  let sessions: UserSessions;
  /** The sessions that the broker was given a message for. */
  let given: (string | undefined)[];

  beforeEach(() => {
    sessions = new UserSessions();
    given = [];
  });

  function handlerWith(
    handle: (message: Message) => void | Promise<void>,
    others?: OtherServers,
  ): UserMessageHandler {
    const logger = recordingLogger();
    return new UserMessageHandler({
      prefix: "/user/",
      sessions,
      broker: {
        handle(message) {
          given.push(message.headers.privateTo);
          return handle(message);
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
      others,
    });
  }

  const toRod = (privateTo?: string) =>
    createMessage(new Uint8Array(), { destination: "/user/rod/queue/x", privateTo });

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
      for (const id of ["1", "2", "3"]) sessions.add(id, { name: "rod" });
      const handler = handlerWith(({ headers }) => (headers.privateTo === "1" ? refuse() : undefined));

      const fault = await Promise.resolve(handler.handle(toRod())).catch((error: unknown) => error);

      expect(fault).to.be.instanceOf(RangeError);
      expect(given).to.deep.equal(["1", "2", "3"]);
    });
  }

  it("gives other servers what is for a session there, and its own broker nothing of it", async () => {
    sessions.add("1", { name: "rod" });
    sessions.addRemote("another server", "2", "rod");
    const elsewhere: (string | undefined)[] = [];
    const handler = handlerWith(() => {}, {
      async send({ headers }) {
        elsewhere.push(headers.privateTo);
      },
    });

    await handler.handle(toRod("2"));
    await handler.handle(toRod("1"));

    expect(elsewhere).to.deep.equal(["2"]);
    expect(given).to.deep.equal(["1"]);
  });
});
