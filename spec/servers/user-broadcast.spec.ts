import { expect } from "chai";
import { brokerBackplane } from "#lib/servers/broker-backplane.js";
import { UserBroadcast, type UserBroadcastHandler } from "#lib/servers/user-broadcast.js";
import { BrokerHub } from "../support/broker-hub.js";
import { FakeTimers } from "../support/fake-timers.js";
import { recordingLogger } from "../support/recording.js";

const KEY = Buffer.alloc(32, 1);

describe("UserBroadcast", () => {
  const hub = new BrokerHub();
  const time = new FakeTimers();
  const servers: UserBroadcast[] = [];

  function open(here: Partial<UserBroadcastHandler["here"]> = {}, behind?: Promise<void>): UserBroadcast {
    const { system, application } = hub.connect();
    const backplane = brokerBackplane({
      system,
      application,
      destination: "/topic/users",
      messageSizeLimit: 1024 * 1024,
    });
    const server = new UserBroadcast(
      { backplane, key: KEY, expiration: 20_000, logger: recordingLogger(), clock: time },
      {
        deliver() {},
        feed(deliver) {
          deliver();
          return behind;
        },
        here: {
          end: () => 0,
          recheck: async () => 0,
          unsubscribeById: async () => false,
          questionTold() {},
          ...here,
        },
      },
    );
    servers.push(server);
    return server;
  }

  afterEach(() => Promise.all(servers.splice(0).map((server) => server.close())));

  it("hears what comes behind a recheck or an unsubscribe while slow clients are still to be told of that", async () => {
    const done: string[] = [];
    const forEver = (what: string) => () => {
      done.push(what);
      return new Promise<never>(() => {});
    };
    const here = {
      recheck: forEver("recheck"),
      unsubscribeById: forEver("unsubscribe"),
      end: (_: unknown, reason: string) => done.push(reason),
    };
    // What is told of it at once may find a client that has no room.
    open(here, new Promise(() => {}));
    const speaker = open();
    await time.pass(1500);

    await speaker.sessions.recheck(undefined, undefined);
    await speaker.sessions.unsubscribe("1", "a", undefined);
    await speaker.sessions.end({ user: "rod" }, "end");
    await time.pass(0);

    expect(done).to.deep.equal(["recheck", "unsubscribe", "end"]);
  });
});
