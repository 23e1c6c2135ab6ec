import { expect } from "chai";
import { ConfigurationError } from "express-stomp";
import { Closing } from "#lib/wiring/closing.js";
import { FakeTimers } from "../support/fake-timers.js";

describe("Closing", () => {
  let time: FakeTimers;
  let done: string[];
  let drained: () => void;
  let closing: Closing;

  beforeEach(() => {
    time = new FakeTimers();
    done = [];
    const step = (name: string) => async () => void done.push(name);
    closing = new Closing({
      clock: time,
      atOnce: [{ close: () => void done.push("endpoint") }],
      sessions: {
        isEmpty: false,
        drain: () => {
          done.push("drain");
          return new Promise((resolve) => {
            drained = resolve;
          });
        },
        departures: () => [1, 2, 3, 4].map((i) => () => void done.push(`leaves ${i}`)),
        close: async ({ code, reason }) => void done.push(`${code} ${reason}`),
      },
      detached: { idle: step("streams"), close: () => void done.push("end of streams") },
      requests: { close() {}, end: () => void done.push("answers") },
      broker: { flush: () => void done.push("flush") },
      channels: [{ idle: step("first channel") }, { idle: step("second channel") }],
      afterwards: [{ close: step("servers") }, { close: step("broker") }],
    });
  });

  const REST = ["answers", "flush", "end of streams", "1001 Server is shutting down", "servers", "broker"];

  it("lets no client in, waits for what was sent, then ends the clients, then all else", async () => {
    const closed = closing.close();
    await time.pass(4_999);
    expect(done).to.deep.equal(["endpoint", "drain"]);
    drained();
    await closed;
    expect(done).to.deep.equal([
      "endpoint",
      "drain",
      "streams",
      "flush",
      "first channel",
      "second channel",
      ...REST,
    ]);
  });

  it("waits for what hangs no longer than drainMs, which a second call may shorten and not lengthen", async () => {
    const closed = closing.close({ drainMs: 60_000 });
    await time.pass(1_000);
    expect(closing.close({ drainMs: 2_000 })).to.equal(closed);
    void closing.close({ drainMs: 90_000 });
    await time.pass(1_999);
    expect(done).to.have.length(2);
    await time.pass(1);
    await closed;
    expect(done.slice(2)).to.deep.equal(REST);
  });

  it("lets one after the other leave over spreadMs, then the rest together", async () => {
    const closed = closing.close({ spreadMs: 8_000, reconnectInMs: 1_500 });
    await time.pass(1_900);
    expect(done).to.deep.equal(["endpoint", "leaves 1"]);
    await time.pass(2_000);
    expect(done).to.deep.equal(["endpoint", "leaves 1", "leaves 2"]);
    await time.pass(2_200);
    expect(done.slice(3)).to.deep.equal(["leaves 3", "leaves 4", "drain"]);
    drained();
    await closed;
    expect(done.slice(-3)).to.deep.equal([
      "1001 Server is shutting down; reconnect-in=1500",
      "servers",
      "broker",
    ]);
  });

  describe("with 10,000 clients over 10 s", () => {
    /** How many have left in each tenth of a second. */
    let left: number[];
    let closed: Promise<void>;

    beforeEach(() => {
      left = Array.from({ length: 100 }, () => 0);
      const begin = time.now();
      const leave = () => {
        const slot = Math.ceil((time.now() - begin) / 100) - 1;
        left[slot] = (left[slot] as number) + 1;
      };
      closed = new Closing({
        clock: time,
        atOnce: [],
        sessions: {
          isEmpty: false,
          departures: () => Array.from({ length: 10_000 }, () => leave),
          drain: async () => {},
          // The last ones leave with the common end.
          close: async () => {
            while (left.reduce((sum, count) => sum + count) < 10_000) leave();
          },
        },
        detached: undefined,
        requests: { close() {}, end() {} },
        broker: {},
        channels: [],
        afterwards: [],
      }).close({ spreadMs: 10_000 });
    });

    it("lets as many leave in each moment as in any other", async () => {
      await time.pass(10_000);
      await closed;
      expect(left).to.deep.equal(Array.from({ length: 100 }, () => 100));
    });

    it("spreads those who were due while the event loop stalled over the rest of the time", async () => {
      await time.pass(4_000);
      await time.stall(2_000);
      await time.pass(4_000);
      await closed;
      expect(left.slice(0, 40)).to.deep.equal(Array.from({ length: 40 }, () => 100));
      // 6,000 in 4 s.
      expect(Math.max(...left)).to.be.at.most(151);
    });
  });

  it("spreads them no longer than a second call allows", async () => {
    const closed = closing.close({ spreadMs: 8_000 });
    await time.pass(100);
    void closing.close({ drainMs: 10 });
    await time.pass(9);
    expect(done).to.deep.equal(["endpoint", "leaves 1", "drain"]);
    await time.pass(1);
    await closed;
    expect(done.slice(3)).to.deep.equal(REST);
  });

  it("names each option that is no time", () => {
    expect(() => closing.close({ spreadMs: -1 })).to.throw(ConfigurationError, "spreadMs is -1");
    expect(() => closing.close({ reconnectInMs: Number.NaN })).to.throw(
      ConfigurationError,
      "reconnectInMs is NaN",
    );
  });

  it("does nothing when drainMs is no time", () => {
    for (const drainMs of [-1, Number.NaN, 2 ** 31]) {
      expect(() => closing.close({ drainMs })).to.throw(ConfigurationError, `drainMs is ${drainMs}`);
    }
    expect(done).to.deep.equal([]);
  });
});
