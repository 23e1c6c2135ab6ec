import { expect } from "chai";
import { MessageDeliveryError } from "express-stomp";
import { SessionsEverywhere, type SessionsEverywhereOptions } from "#lib/servers/sessions-everywhere.js";
import { SessionsHere } from "#lib/user/sessions-here.js";
import { UserSessions } from "#lib/user/user-sessions.js";
import { rejection } from "../support/channels.js";
import { recordingLogger, settled } from "../support/recording.js";

describe("SessionsEverywhere", () => {
  const sessions = new UserSessions();
  sessions.add("1", { name: "rod" });
  sessions.addSubscription("1", "a", "/topic/a");
  sessions.addRemote("there", "2", "rod");
  sessions.addSubscription("2", "a", "/topic/a", "there");
  let done: string[];

  /** Those who are told; each telling fails by what `fault` is, if it is anything. */
  function everywhere(others = true, fault?: Error) {
    done = [];
    const logger = recordingLogger();
    const note = async (...what: unknown[]) => {
      done.push(what.map((each) => JSON.stringify(each) ?? "-").join(" "));
      if (fault) throw fault;
    };
    const told: SessionsEverywhereOptions["others"] = {
      end: (target, reason) => note("end there", target, reason),
      recheck: (target, reason) => note("recheck there", target, reason),
      unsubscribe: (sessionId, id, reason) => note("unsubscribe there", sessionId, id, reason),
    };
    const here = new SessionsHere({
      sessions,
      end: (id) => id === "1" && done.push(`end ${id}`) > 0,
      recheck: async (subscriptions) => subscriptions.length,
      unsubscribe: async ({ id }) => done.push(`unsubscribe ${id}`) > 0,
    });
    return { logger, all: new SessionsEverywhere({ here, others: others ? told : undefined, logger }) };
  }

  const subscription = (sessionId: string) => sessions.get(sessionId)!.subscriptions.get("a")!;

  it("tells other servers of a user, and of a session that is not here; of one that is here nobody", () => {
    const { all } = everywhere();
    expect(all.end({ user: "rod" }, "why")).to.equal(1);
    expect(all.end({ sessionId: "1" }, "why")).to.equal(1);
    expect(all.end({ sessionId: "2" }, "why")).to.equal(0);
    expect(done).to.deep.equal([
      "end 1",
      '"end there" {"user":"rod"} "why"',
      "end 1",
      '"end there" {"sessionId":"2"} "why"',
    ]);
  });

  it("logs that no other server could be told, and ends what is here", async () => {
    const { all, logger } = everywhere(true, new Error("away"));
    expect(all.end({ user: "rod" }, "why")).to.equal(1);
    await settled();
    expect(logger.lines.join()).to.include("No other server was told to end a session").and.include("away");
  });

  it("judges here and there, and rejects when the others could not be told", async () => {
    expect(await everywhere().all.recheck({ user: "rod" }, undefined)).to.equal(1);
    expect(done).to.deep.equal(['"recheck there" {"user":"rod"} -']);
    expect(await rejection(everywhere(true, new Error("away")).all.recheck(undefined, "why"))).to.match(
      /away/,
    );
  });

  it("ends a subscription where it is", async () => {
    const { all } = everywhere();
    expect(await all.unsubscribe(subscription("1"), "why")).to.equal(true);
    expect(await all.unsubscribe(subscription("2"), "why")).to.equal(true);
    expect(done).to.deep.equal(["unsubscribe a", '"unsubscribe there" "2" "a" "why"']);
  });

  it("says that one elsewhere is over, or cannot be reached", async () => {
    const old = { ...subscription("2") };
    expect(await everywhere().all.unsubscribe(old, "why")).to.equal(false);
    const error = await rejection(everywhere(false).all.unsubscribe(subscription("2"), "why"));
    expect(error)
      .to.be.instanceOf(MessageDeliveryError)
      .and.match(/only userDestinationBroadcast reaches it/);
  });

  it("reaches only this server where there are no others", async () => {
    const { all } = everywhere(false);
    expect(all.end({ user: "rod" }, "why")).to.equal(1);
    expect(await all.recheck(undefined, undefined)).to.equal(1);
  });
});
