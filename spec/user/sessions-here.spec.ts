import { expect } from "chai";
import { SessionsHere } from "#lib/user/sessions-here.js";
import { UserSessions } from "#lib/user/user-sessions.js";

describe("SessionsHere", () => {
  let sessions: UserSessions;
  let here: SessionsHere;
  let ended: string[];
  let rechecked: (string | undefined)[];

  beforeEach(() => {
    ended = [];
    rechecked = [];
    sessions = new UserSessions();
    here = new SessionsHere({
      sessions,
      end: (id, reason) => {
        if (id === "over") return false;
        ended.push(`${id}: ${reason}`);
        return true;
      },
      recheck: async (subscriptions, reason) => {
        rechecked.push(...subscriptions.map(({ id, session }) => `${session.id} ${id}`), reason);
        return subscriptions.length;
      },
      unsubscribe: async ({ id, session }, reason) => {
        ended.push(`${session.id} ${id}: ${reason}`);
        return true;
      },
    });
    for (const [id, name] of [
      ["1", "rod"],
      ["2", "rod"],
      ["3", "ann"],
    ] as const) {
      sessions.add(id, { name });
      sessions.addSubscription(id, "a", "/topic/a");
    }
  });

  it("ends all sessions of a user, or one, and says how many", () => {
    expect(here.end({ user: "rod" }, "why")).to.equal(2);
    expect(here.end({ sessionId: "3" }, "that")).to.equal(1);
    expect(ended).to.deep.equal(["1: why", "2: why", "3: that"]);
  });

  it("says that nothing was ended of what is over, and of a user who is not there", () => {
    expect(here.end({ sessionId: "over" }, "why")).to.equal(0);
    expect(here.end({ user: "nobody" }, "why")).to.equal(0);
  });

  it("judges the subscriptions of a session, of a user, or all", async () => {
    expect(await here.recheck({ sessionId: "2" }, "why")).to.equal(1);
    expect(await here.recheck({ user: "rod" }, undefined)).to.equal(2);
    expect(await here.recheck(undefined, undefined)).to.equal(3);
    expect(rechecked.slice(0, 5)).to.deep.equal(["2 a", "why", "1 a", "2 a", undefined]);
  });

  it("ends a subscription for another server by its ids, if there is such", async () => {
    expect(await here.unsubscribeById("1", "a", "why")).to.equal(true);
    expect(await here.unsubscribeById("1", "b", "why")).to.equal(false);
    expect(await here.unsubscribeById("4", "a", "why")).to.equal(false);
    expect(ended).to.deep.equal(["1 a: why"]);
  });

  describe("with sessions on other servers, of which it knows", () => {
    beforeEach(() => {
      for (const [id, name] of [
        ["4", "rod"],
        ["5", "far"],
      ] as const) {
        sessions.addRemote("there", id, name);
        sessions.addSubscription(id, "a", "/topic/a", "there");
      }
    });

    it("ends none of their subscriptions", async () => {
      expect(await here.unsubscribeById("4", "a", "why")).to.equal(false);
      expect(ended).to.deep.equal([]);
    });

    it("ends none of them with those of their user", () => {
      expect(here.end({ user: "rod" }, "why")).to.equal(2);
      expect(here.end({ user: "far" }, "why")).to.equal(0);
      expect(ended).to.deep.equal(["1: why", "2: why"]);
    });

    it("judges none of their subscriptions", async () => {
      for (const [target, count] of [
        [{ sessionId: "4" }, 0],
        [{ user: "rod" }, 2],
        [{ user: "far" }, 0],
        [undefined, 3],
      ] as const) {
        expect(await here.recheck(target, undefined)).to.equal(count);
      }
    });
  });
});
