import { expect } from "chai";
import { AccessDeniedError, ConfigurationError, SessionGrant } from "express-stomp";
import { systemClock } from "#lib/clock/clock.js";

describe("SessionGrant", () => {
  /** How far the clock was set on, in ms. */
  let ahead: number;
  const clock = { ...systemClock, date: () => Date.now() + ahead };

  beforeEach(() => {
    ahead = 0;
  });

  it("lasts without end, unless it is told otherwise", () => {
    const grant = new SessionGrant();
    expect(grant.remaining).to.equal(Number.POSITIVE_INFINITY);
    expect(grant.fault).to.equal(undefined);
  });

  it("lasts no longer because somebody sets the clock back", () => {
    const grant = new SessionGrant({ clock, expires: Date.now() + 10_000 });
    ahead = -3_600_000;
    expect(grant.remaining).to.be.at.most(10_001);
  });

  it("is over when the clock is set on", () => {
    const grant = new SessionGrant({ clock, expires: Date.now() + 10_000, expiredMessage: "Over" });
    expect(grant.fault).to.equal(undefined);
    ahead = 10_000;
    expect(grant.fault).to.be.instanceOf(AccessDeniedError).with.property("message", "Over");
    expect(grant.remaining).to.equal(0);
  });

  it("is over when it is revoked, for the first reason", () => {
    const grant = new SessionGrant();
    grant.revoke("one");
    grant.revoke("two");
    expect(grant.fault?.publicMessage).to.equal("one");
    expect(grant.remaining).to.equal(0);
  });

  for (const options of [{ expires: Number.NaN }, { expires: new Date() }, { ahead: -1 }]) {
    it(`fails for ${JSON.stringify(options)}`, () => {
      expect(() => new SessionGrant(options as object)).to.throw(ConfigurationError, Object.keys(options)[0]);
    });
  }

  it("fails for options that it does not know", () => {
    // @ts-expect-error it is expires
    expect(() => new SessionGrant({ expiry: 1 })).to.throw(
      ConfigurationError,
      'SessionGrant has no option "expiry"; it has expires, expiredMessage, ahead, noticeDestination, clock',
    );
  });
});
