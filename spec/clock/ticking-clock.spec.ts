import { expect } from "chai";
import { TickingClock } from "#lib/clock/ticking-clock.js";
import { type AgreedHeartBeat, HeartBeat } from "#lib/stomp/heart-beat.js";
import { FakeTime } from "../support/fake-time.js";

describe("TickingClock", () => {
  let time: FakeTime;
  let clock: TickingClock;
  beforeEach(() => {
    time = new FakeTime();
    clock = new TickingClock({ time });
  });

  const beat = (agreed: Partial<AgreedHeartBeat>, send = () => {}) =>
    new HeartBeat({ clock, sendEvery: 0, receiveWithin: 0, ...agreed, given: () => 0, send, expired() {} });

  it("ticks while something is watched", () => {
    const [one, other] = [beat({ sendEvery: 10_000 }), beat({ receiveWithin: 10_000 })];
    expect(time.interval).to.equal(undefined);
    clock.watch(one);
    clock.watch(other);
    clock.unwatch(one);
    expect(time.interval).to.equal(1_000);
    clock.unwatch(other);
    expect(time.interval).to.equal(undefined);
  });

  it("does not tick for who agreed on nothing", () => {
    clock.watch(beat({}));
    expect(time.interval).to.equal(undefined);
  });

  it("counts anew for who comes after a time when nothing was watched", () => {
    const first = beat({ sendEvery: 10_000 });
    clock.watch(first);
    clock.unwatch(first);
    time.pass(1_000_000);
    const sends: number[] = [];
    clock.watch(beat({ sendEvery: 10_000 }, () => sends.push(time.now())));
    time.pass(8_000);
    expect(sends).to.deep.equal([]);
    time.pass(2_000);
    expect(sends).to.have.length(1);
  });

  it("ticks as fast as the shortest interval needs, from 50 ms to a second", () => {
    clock.watch(beat({ sendEvery: 60_000 }));
    expect(time.interval).to.equal(1_000);
    clock.watch(beat({ receiveWithin: 2_000 }));
    expect(time.interval).to.equal(500);
    clock.watch(beat({ sendEvery: 1 }));
    expect(time.interval).to.equal(50);
  });

  it("ticks slower again when the fast one has gone", () => {
    const fast = beat({ sendEvery: 100 });
    clock.watch(beat({ sendEvery: 60_000 }));
    clock.watch(fast);
    clock.unwatch(fast);
    time.pass(100);
    expect(time.interval).to.equal(1_000);
  });

  it("loses no time when its pace changes", () => {
    const sends: number[] = [];
    clock.watch(beat({ sendEvery: 10_000 }, () => sends.push(time.now())));
    for (let i = 0; i < 20; i++) {
      time.pass(500);
      const fast = beat({ sendEvery: 100 });
      clock.watch(fast);
      clock.unwatch(fast);
    }
    expect(clock.now).to.be.at.least(9_000);
    expect(sends).to.have.length(1);
  });

  it("ticks no slower than it is told", () => {
    clock = new TickingClock({ time, tick: 200 });
    clock.watch(beat({ sendEvery: 60_000 }));
    expect(time.interval).to.equal(200);
  });

  it("stops for good when it is closed", () => {
    clock.watch(beat({ sendEvery: 10_000 }));
    clock.close();
    clock.watch(beat({ sendEvery: 10_000 }));
    expect(time.interval).to.equal(undefined);
  });

  it("bears who leaves while it ticks", () => {
    const sends: string[] = [];
    const second = beat({ sendEvery: 1_000 }, () => sends.push("second"));
    const first = beat({ sendEvery: 1_000 }, () => {
      sends.push("first");
      clock.unwatch(first);
      clock.unwatch(second);
    });
    clock.watch(first);
    clock.watch(second);
    time.pass(10_000);
    expect(sends).to.deep.equal(["first"]);
    expect(time.interval).to.equal(undefined);
  });

  it("keeps no process alive, and beats in real time", async () => {
    clock = new TickingClock();
    const timers = () => process.getActiveResourcesInfo().filter((each) => each === "Timeout").length;
    const before = timers();
    await new Promise<void>((resolve) => {
      // Mocha's own timer keeps this process alive meanwhile.
      clock.watch(beat({ sendEvery: 100 }, resolve));
      expect(timers()).to.equal(before);
    });
    clock.close();
  });
});
