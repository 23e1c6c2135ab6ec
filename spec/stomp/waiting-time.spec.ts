import { expect } from "chai";
import { WaitingTime } from "#lib/stomp/waiting-time.js";

describe("WaitingTime", () => {
  it("tells how long nothing of what waits has left", () => {
    const time = new WaitingTime();
    expect(time.age({ now: 1000, given: 10, waiting: 10 })).to.equal(0);
    expect(time.age({ now: 2000, given: 15, waiting: 15 })).to.equal(1000);
    expect(time.age({ now: 3000, given: 15, waiting: 6 })).to.equal(2000);
  });

  it("begins anew when all that waited then has left, though more has come", () => {
    const time = new WaitingTime();
    time.age({ now: 1000, given: 10, waiting: 10 });
    expect(time.age({ now: 2000, given: 20, waiting: 10 })).to.equal(0);
    expect(time.age({ now: 3000, given: 29, waiting: 10 })).to.equal(1000);
  });

  it("has no age while nothing waits", () => {
    const time = new WaitingTime();
    time.age({ now: 1000, given: 10, waiting: 10 });
    expect(time.age({ now: 2000, given: 10, waiting: 0 })).to.equal(0);
    expect(time.age({ now: 9000, given: 20, waiting: 10 })).to.equal(0);
  });
});
