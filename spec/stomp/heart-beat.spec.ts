import { expect } from "chai";
import { TickingClock } from "#lib/clock/ticking-clock.js";
import { StompConversionError } from "#lib/errors.js";
import { type AgreedHeartBeat, agreeHeartBeat, HeartBeat, parseHeartBeat } from "#lib/stomp/heart-beat.js";
import { FakeTime } from "../support/fake-time.js";

describe("parseHeartBeat and agreeHeartBeat", () => {
  const CASES: [
    header: string | undefined,
    own: [number, number],
    sendEvery: number,
    receiveWithin: number,
  ][] = [
    [undefined, [10_000, 10_000], 0, 0],
    ["0,0", [10_000, 10_000], 0, 0],
    ["5000,0", [10_000, 20_000], 0, 20_000],
    ["0,5000", [10_000, 20_000], 10_000, 0],
    ["30000,40000", [10_000, 20_000], 40_000, 30_000],
    ["5000,5000", [0, 0], 0, 0],
    ["5000,5000", [10_000, 0], 10_000, 0],
    ["5000,5000", [0, 10_000], 0, 10_000],
    [" 20000, 30000 ", [10_000, 10_000], 30_000, 20_000],
    ["1,1", [10_000, 10_000], 10_000, 10_000],
    ["1,1", [1, 1], 100, 100],
    ["1000000000,1000000000", [10_000, 10_000], 1_000_000_000, 1_000_000_000],
    ["99999999999999999999,99999999999999999999", [10_000, 10_000], 2_147_483_647, 2_147_483_647],
  ];
  for (const [header, own, sendEvery, receiveWithin] of CASES) {
    it(`agrees on ${sendEvery},${receiveWithin} between ${header ?? "no header"} and ${own}`, () => {
      expect(agreeHeartBeat(parseHeartBeat(header), own)).to.deep.equal({ sendEvery, receiveWithin });
    });
  }

  for (const header of [
    "",
    "a,b",
    "-1,0",
    "0,-1",
    "1000",
    "1000,",
    ",1000",
    "1,2,3",
    "1e9,0",
    "1.5,0",
    "1 0,0",
    "٥,0",
  ]) {
    it(`refuses "${header}"`, () => {
      expect(() => parseHeartBeat(header)).to.throw(StompConversionError, "heart-beat");
    });
  }
});

describe("HeartBeat", () => {
  let time: FakeTime;
  let clock: TickingClock;
  beforeEach(() => {
    time = new FakeTime();
    clock = new TickingClock({ time });
  });

  /** A watched heart-beat, the times at which it sent, and those at which it expired. */
  function watched(agreed: Partial<AgreedHeartBeat>) {
    const sends: number[] = [];
    const expiries: number[] = [];
    let given = 0;
    const beat = new HeartBeat({
      clock,
      sendEvery: 0,
      receiveWithin: 0,
      ...agreed,
      given: () => given,
      send: () => sends.push(time.now()),
      expired: () => expiries.push(time.now()),
    });
    clock.watch(beat);
    const sent = () => {
      given++;
    };
    return { beat, sent, sends, expiries };
  }

  describe("when nothing is sent", () => {
    for (const sendEvery of [100, 150, 1_000, 4_000, 10_000, 60_000]) {
      it(`beats at least every ${sendEvery} ms, and not twice as often`, () => {
        const { sends } = watched({ sendEvery });
        time.pass(20 * sendEvery);
        const gaps = sends.map((at, i) => at - (sends[i - 1] ?? 0));
        expect(Math.max(...gaps)).to.be.at.most(sendEvery);
        expect(Math.min(...gaps)).to.be.at.least(sendEvery / 2);
      });
    }

    it("beats in time even if the tick that would be the last chance comes late", () => {
      const { sends } = watched({ sendEvery: 10_000 });
      time.pass(9_500);
      time.stall(1_400);
      expect(sends[0]).to.be.at.most(10_000);
    });

    it("beats while something is received, which does not count", () => {
      const { beat, sends } = watched({ sendEvery: 10_000, receiveWithin: 10_000 });
      for (let i = 0; i < 200; i++) {
        time.pass(100);
        beat.received();
      }
      expect(sends).to.have.length(2);
    });
  });

  describe("when the peer is not read from", () => {
    it("does not call it silent, and gives it its whole time afterwards", () => {
      const { beat, expiries } = watched({ receiveWithin: 10_000 });
      beat.listening = false;
      time.pass(100_000);
      beat.listening = true;
      time.pass(29_000);
      expect(expiries).to.deep.equal([]);

      time.pass(5_000);
      expect(expiries).to.have.length(1);
    });
  });

  describe("when something is sent", () => {
    it("keeps quiet", () => {
      const { sent, sends } = watched({ sendEvery: 10_000 });
      for (let i = 0; i < 20; i++) {
        time.pass(5_000);
        sent();
      }
      expect(sends).to.deep.equal([]);
    });
  });

  describe("when nothing is received", () => {
    it("expires once, after three intervals", () => {
      const { expiries } = watched({ receiveWithin: 10_000 });
      time.pass(30_000);
      expect(expiries).to.deep.equal([]);
      time.pass(1_000);
      expect(expiries).to.deep.equal([31_000]);
      time.pass(100_000);
      expect(expiries).to.have.length(1);
    });

    it("beats no more once it has expired", () => {
      const { sends } = watched({ sendEvery: 10_000, receiveWithin: 10_000 });
      time.pass(31_000);
      const before = sends.length;
      time.pass(100_000);
      expect(sends).to.have.length(before);
    });

    it("bears it for ever if nothing was promised", () => {
      const { expiries } = watched({ sendEvery: 10_000 });
      time.pass(1_000_000);
      expect(expiries).to.deep.equal([]);
    });
  });

  describe("when something is received within three intervals", () => {
    it("lives", () => {
      const { beat, expiries } = watched({ receiveWithin: 10_000 });
      for (let i = 0; i < 20; i++) {
        time.pass(29_000);
        beat.received();
      }
      expect(expiries).to.deep.equal([]);
    });
  });

  describe("when our own event loop stalls, or the machine sleeps", () => {
    for (const stall of [20_000, 300_000, 3_600_000]) {
      it(`kills nobody after ${stall / 1_000} s`, () => {
        const { beat, expiries } = watched({ receiveWithin: 10_000 });
        time.pass(5_000);
        time.stall(stall);
        time.pass(2_000);
        beat.received();
        time.pass(29_000);
        expect(expiries).to.deep.equal([]);
      });
    }

    it("still misses who stays silent", () => {
      const { expiries } = watched({ receiveWithin: 10_000 });
      time.stall(300_000);
      time.pass(31_000);
      expect(expiries).to.have.length(1);
    });

    it("beats at once, for the peer has waited all the while", () => {
      const { sends } = watched({ sendEvery: 10_000 });
      time.pass(2_000);
      time.stall(7_500);
      expect(sends).to.deep.equal([9_500]);
    });
  });
});
