import { expect } from "chai";
import { Pace } from "#lib/channel/pace.js";
import type { Reader } from "#lib/channel/patience.js";
import { FakeTime } from "../support/fake-time.js";
import { settled } from "../support/recording.js";

/** A reader that is behind until the spec says otherwise. */
class Slow implements Reader {
  readonly id = `slow-${Math.random()}`;
  taken = 0;
  passed = 0;
  measureTaken(): number {
    return this.taken;
  }
  #room: Promise<void> | undefined;
  #makeRoom = () => {};

  constructor() {
    this.fall();
  }

  /** It is behind. */
  fall(): void {
    this.#room = new Promise((resolve) => {
      this.#makeRoom = resolve;
    });
  }

  /** It has room. */
  catchUp(): void {
    this.#room = undefined;
    this.#makeRoom();
  }

  room(): Promise<void> | undefined {
    return this.#room;
  }

  waitsForCaller(): boolean {
    return false;
  }
}

describe("Pace", () => {
  let time: FakeTime;
  let pace: Pace;
  let steps: string[];

  beforeEach(() => {
    time = new FakeTime();
    pace = new Pace(time);
    steps = [];
  });

  /** Feeds readers that are behind, and notes when its sender may go on. */
  function feed(name: string, ...readers: Reader[]): void {
    const mark = pace.begin();
    for (const reader of readers) pace.behind(reader);
    const room = pace.end(mark);
    if (!room) steps.push(name);
    else void room.then(() => steps.push(name));
  }

  /** Feeds a reader again and again for so many ms of its time, and gives how many of them senders waited. */
  async function waitedFor(reader: Slow, ms: number, takeEach20: number): Promise<number> {
    let waited = 0;
    for (let passed = 0; passed < ms; passed += 20) {
      const mark = pace.begin();
      pace.behind(reader);
      const room = pace.end(mark);
      let isOver = false;
      void room?.then(() => {
        isOver = true;
      });
      await settled();
      if (!isOver) waited += 20;
      reader.taken += takeEach20;
      time.pass(20);
      await settled();
    }
    return waited;
  }

  it("lets a sender go on at once when nobody is behind", () => {
    feed("sender");

    expect(steps).to.deep.equal(["sender"]);
  });

  it("lets a sender wait until all whom it fed have room", async () => {
    const [one, other] = [new Slow(), new Slow()];
    feed("sender", one, other, one);
    await settled();
    one.catchUp();
    await settled();
    expect(steps).to.deep.equal([]);

    other.catchUp();
    await settled();
    expect(steps).to.deep.equal(["sender"]);
  });

  it("lets no sender wait for whom it did not feed", async () => {
    const slow = new Slow();
    feed("fed", slow);
    feed("other");
    await settled();

    expect(steps).to.deep.equal(["other"]);
    slow.catchUp();
  });

  it("lets one who hands on within another wait for its own only", async () => {
    const [inner, outer] = [new Slow(), new Slow()];
    const mark = pace.begin();
    pace.behind(outer);
    feed("inner", inner);
    void pace.end(mark)?.then(() => steps.push("outer"));

    inner.catchUp();
    await settled();
    expect(steps).to.deep.equal(["inner"]);
    outer.catchUp();
    await settled();
    expect(steps).to.deep.equal(["inner", "outer"]);
  });

  it("hears of nobody while nobody hands on", () => {
    pace.behind(new Slow());
    feed("sender");

    expect(steps).to.deep.equal(["sender"]);
  });

  it("waits 250 ms in all for a reader that takes nothing, and lets the event loop turn all the same", async () => {
    const slow = new Slow();
    feed("first", slow);
    await settled();
    time.pass(240);
    await settled();
    expect(steps).to.deep.equal([]);
    time.pass(20);
    await settled();
    expect(steps).to.deep.equal(["first"]);

    time.pass(60_000);
    feed("second", slow);
    expect(steps).to.deep.equal(["first"]);
    await settled();
    expect(steps).to.deep.equal(["first", "second"]);
  });

  it("counts the time once for all senders that wait for it", async () => {
    const slow = new Slow();
    for (let i = 0; i < 10; i++) feed(`${i}`, slow);
    await settled();
    time.pass(240);
    await settled();
    expect(steps).to.deep.equal([]);
    time.pass(20);
    await settled();
    expect(steps.length).to.equal(10);
  });

  it("waits as long as it takes for a reader that takes as much as may wait for it in 125 ms", async () => {
    expect(await waitedFor(new Slow(), 10_000, 0.16)).to.equal(10_000);
  });

  it("waits little for a reader that is slower", async () => {
    // A tenth of that: a tenth of the time comes back.
    expect(await waitedFor(new Slow(), 10_000, 0.016)).to.be.within(1_000, 1_300);
    expect(await waitedFor(new Slow(), 10_000, 0)).to.be.within(240, 260);
  });

  it("waits as long as it takes for a reader that interceptors alone keep waiting, if they get on", async () => {
    const passing = new Slow();
    const stop = time.every(40, () => void passing.passed++);
    expect(await waitedFor(passing, 10_000, 0)).to.equal(10_000);
    stop();
    expect(await waitedFor(passing, 10_000, 0)).to.be.within(240, 300);
  });

  it("does not hold it against a reader that our own process stalls", async () => {
    const slow = new Slow();
    feed("sender", slow);
    await settled();
    for (let i = 0; i < 5; i++) time.stall(10_000);
    await settled();

    expect(steps).to.deep.equal([]);
    time.pass(100);
    await settled();
    expect(steps).to.deep.equal(["sender"]);
  });

  describe("while a reader is waited for", () => {
    const slow = new Slow();
    let reach: Record<string, readonly string[]>;

    /** Hands on for a destination as channels do; what hands on feeds those readers. */
    function send(destination: string, ...readers: Reader[]): void {
      const handOn = () => {
        steps.push(destination);
        const mark = pace.begin();
        for (const reader of readers) pace.behind(reader);
        void pace.end(mark, destination);
      };
      if (pace.isCrowded(destination)) void pace.inTurn(destination, handOn);
      else handOn();
    }

    beforeEach(() => {
      reach = { "/a": [slow.id], "/b": [slow.id], "/other": ["somebody else's"] };
      pace = new Pace(time, (destination) => reach[destination] ?? []);
      slow.fall();
    });

    it("lets wait what would reach it, whatever that is sent to, and nothing else", async () => {
      for (const destination of ["/a", "/b", "/other", "/a", "/b"]) send(destination, slow);
      await settled();
      expect(steps).to.deep.equal(["/a", "/other"]);

      slow.catchUp();
      while (steps.length < 5) await settled();
      expect(steps).to.deep.equal(["/a", "/other", "/b", "/a", "/b"]);
    });

    it("lets go one after the other while it is behind again, in the order in which they came", async () => {
      for (const destination of ["/a", "/a", "/b", "/a", "/b"]) send(destination, slow);
      for (let n = 1; n <= 5; n++) {
        await settled();
        expect(steps.length).to.equal(n);
        slow.catchUp();
        const before = steps.length;
        slow.fall();
        await settled();
        expect(steps.length).to.equal(Math.min(before + 1, 5));
      }
      expect(steps).to.deep.equal(["/a", "/a", "/b", "/a", "/b"]);
    });
  });

  it("has no timer while nobody waits", async () => {
    const slow = new Slow();
    feed("sender", slow);
    await settled();
    expect(time.interval).to.equal(20);
    slow.catchUp();
    await settled();
    time.pass(20);

    expect(time.interval).to.equal(undefined);
  });
});
