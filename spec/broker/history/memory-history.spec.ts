import { expect } from "chai";
import { NativeHeaders } from "express-stomp";
import { MemoryHistory, type MemoryHistoryOptions } from "#lib/broker/history/memory-history.js";
import { Publication } from "#lib/broker/publication.js";
import { parsePattern } from "#lib/destination/pattern.js";
import { Dice } from "../../support/dice.js";
import { FakeTime } from "../../support/fake-time.js";

interface Sent {
  readonly number: number;
  readonly destination: string;
  readonly user: string | undefined;
  readonly at: number;
}

/** All that was ever published, and the windows as lists that are walked for everything. */
class Model {
  readonly all: Sent[] = [];
  readonly #windows: { destination: string; user: string | undefined; kept: Sent[]; dropped: number }[] = [];
  readonly #bounds: { readonly size: number; readonly ttl: number; readonly destinations: number };
  readonly #forgotten = { all: 0, users: 0 };

  constructor(bounds: { readonly size: number; readonly ttl: number; readonly destinations: number }) {
    this.#bounds = bounds;
  }

  keep(sent: Sent, isTooLarge: boolean): void {
    const { destination, user, number } = sent;
    this.all.push(sent);
    const at = this.#windows.findIndex((each) => each.destination === destination && each.user === user);
    const window =
      at < 0
        ? { destination, user, kept: [], dropped: this.#forgotten[user === undefined ? "all" : "users"] }
        : this.#windows.splice(at, 1)[0]!;
    this.#windows.push(window);
    this.expire(sent.at);
    if (isTooLarge) Object.assign(window, { kept: [], dropped: number });
    else window.kept.push(sent);
    while (window.kept.length > this.#bounds.size) window.dropped = window.kept.shift()!.number;
    while (this.#windows.length > this.#bounds.destinations) this.#forgetOldest();
  }

  expire(now: number): void {
    for (const window of this.#windows) {
      while (window.kept[0] && now - window.kept[0].at > this.#bounds.ttl) {
        window.dropped = window.kept.shift()!.number;
      }
    }
  }

  find(
    fits: (destination: string) => boolean,
    exact: string | undefined,
    user: string | undefined,
    after: number,
  ) {
    const mine = this.#windows.filter((each) => each.user === user);
    const isThere = mine.some(({ destination }) => destination === exact);
    if (after < this.#forgotten[user === undefined ? "all" : "users"] && !isThere) return "trimmed";
    const fitting = mine.filter(({ destination }) => fits(destination));
    if (fitting.some(({ dropped }) => dropped > after)) return "trimmed";
    const kept = fitting.flatMap((window) => window.kept.filter(({ number }) => number > after));
    return kept.map(({ number }) => number).sort((a, b) => a - b);
  }

  #forgetOldest(): void {
    const { user, kept, dropped } = this.#windows.shift()!;
    const which = user === undefined ? "all" : "users";
    this.#forgotten[which] = Math.max(this.#forgotten[which], kept.at(-1)?.number ?? dropped);
  }
}

const BODY = 100;

function publicationOf(number: number, destination: string, size = BODY): Publication {
  const payload = new Uint8Array(size);
  return new Publication(number, {
    payload,
    headers: { messageType: "MESSAGE", destination, messageId: `e-${number}`, native: NativeHeaders.EMPTY },
  });
}

function historyOf(options: Partial<MemoryHistoryOptions> & { size?: number; ttl?: number } = {}) {
  const { size = 10_000, ttl = 60_000, ...others } = options;
  return new MemoryHistory({
    boundsOf: (destination) => (destination.startsWith("/topic/") ? { size, ttl } : undefined),
    destinationLimit: 10_000,
    sizeLimit: 16 * 1024 * 1024,
    shortestTtl: ttl,
    clock: new FakeTime(),
    ...others,
  });
}

function numbersOf(history: MemoryHistory, destination: string, after: number | "first", limit = 1_000) {
  const found = history.find({ pattern: parsePattern(destination), user: undefined, after, limit });
  return "reason" in found ? found.reason : found.kept.map(({ number }) => number);
}

describe("MemoryHistory", () => {
  it("finds what a model finds, and never a part, whatever is published, forgotten and asked for", () => {
    let found = 0;
    let refused = 0;
    for (let seed = 1; seed <= 60; seed++) {
      const dice = new Dice(seed * 7919);
      const time = new FakeTime();
      const bounds = { size: 1 + dice.roll(8), ttl: 20 + dice.roll(100), destinations: 1 + dice.roll(12) };
      const history = historyOf({
        ...bounds,
        destinationLimit: bounds.destinations,
        clock: time,
        sizeLimit: 1024 * 1024,
      });
      const model = new Model(bounds);
      const named = 1 + dice.roll(20);
      const anyDestination = () => `/topic/${dice.roll(named) % 4}/${dice.roll(named)}`;
      for (let step = 0, number = 0; step < 250; step++) {
        const passed = dice.roll(50) === 0 ? dice.roll(500) : dice.roll(4);
        if (dice.roll(2) === 0) time.pass(passed);
        else time.stall(passed);
        model.expire(time.now());
        if (dice.roll(10) < 7) {
          const destination = anyDestination();
          const user = dice.roll(5) === 0 ? dice.of(["rod", "joe"]) : undefined;
          const isTooLarge = dice.roll(60) === 0;
          history.keep(publicationOf(++number, destination, isTooLarge ? 2_000_000 : BODY), user);
          model.keep({ number, destination, user, at: time.now() }, isTooLarge);
        }
        if (dice.roll(10) < 4) continue;

        const after = dice.roll(number + 1);
        const user = dice.roll(4) === 0 ? dice.of(["rod", "joe", "nobody"]) : undefined;
        const text = dice.of([anyDestination(), "/topic/**", `/topic/${dice.roll(4)}/*`]);
        const pattern = parsePattern(text);
        const answer = history.find({ pattern, user, after, limit: 1_000 });
        const numbers = "reason" in answer ? answer.reason : answer.kept.map((each) => each.number);
        const exact = pattern.isPattern ? undefined : text;
        const context = `seed ${seed}, step ${step}: ${text} of ${user} after ${after}`;
        expect(numbers, context).to.deep.equal(
          model.find((destination) => pattern.fits(destination), exact, user, after),
        );
        if ("reason" in answer) refused++;
        else {
          found++;
          const truth = model.all.filter(
            (each) => each.number > after && each.user === user && pattern.fits(each.destination),
          );
          expect(numbers, context).to.deep.equal(truth.map((each) => each.number));
        }
      }
    }
    expect(found).to.be.above(1_000);
    expect(refused).to.be.above(1_000);
  });

  it("never finds a part when bytes are short, and never takes more", () => {
    for (let seed = 1; seed <= 25; seed++) {
      const dice = new Dice(seed * 104_729);
      const sizeLimit = 4_000 + dice.roll(40_000);
      const kept = new Set<Publication>();
      const history = historyOf({ sizeLimit, evicted: (publication) => kept.delete(publication) });
      const all: { number: number; destination: string }[] = [];
      for (let number = 1; number <= 200; number++) {
        const destination = `/topic/${dice.roll(12)}`;
        const publication = publicationOf(number, destination, dice.roll(3_000));
        kept.add(publication);
        history.keep(publication, undefined);
        all.push({ number, destination });
        const held = [...kept].reduce((sum, { payload }) => sum + payload.length, 0);
        expect(held).to.be.at.most(sizeLimit);
        const after = dice.roll(number + 1);
        const text = dice.of([`/topic/${dice.roll(12)}`, "/topic/*"]);
        const numbers = numbersOf(history, text, after);
        if (numbers === "trimmed") continue;
        const fits = (each: { destination: string }) => text === "/topic/*" || each.destination === text;
        const truth = all.filter((each) => each.number > after && fits(each));
        expect(numbers, `seed ${seed}, ${text} after ${after}`).to.deep.equal(
          truth.map((each) => each.number),
        );
      }
    }
  });

  it("gives a destination that was quiet for long the word that nothing is missing", () => {
    const time = new FakeTime();
    const history = historyOf({ clock: time, ttl: 1_000 });
    history.keep(publicationOf(1, "/topic/a"), undefined);
    time.pass(60_000);
    history.keep(publicationOf(2, "/topic/b"), undefined);
    expect(numbersOf(history, "/topic/a", 1)).to.deep.equal([]);
    expect(numbersOf(history, "/topic/a", 0)).to.equal("trimmed");
    expect(numbersOf(history, "/topic/never", 0)).to.deep.equal([]);
  });

  it("vouches for no destination without a window, once one has been forgotten", () => {
    const history = historyOf({ destinationLimit: 2 });
    for (let number = 1; number <= 3; number++)
      history.keep(publicationOf(number, `/topic/${number}`), undefined);
    expect(numbersOf(history, "/topic/1", 0)).to.equal("trimmed");
    expect(numbersOf(history, "/topic/never", 0)).to.equal("trimmed");
    expect(numbersOf(history, "/topic/never", 1)).to.deep.equal([]);
    expect(numbersOf(history, "/topic/3", 0)).to.deep.equal([3]);
  });

  it("gives all that is kept, from the first on, and says when that is more than was asked for", () => {
    const history = historyOf({ size: 3 });
    for (let number = 1; number <= 9; number++)
      history.keep(publicationOf(number, `/topic/${number % 2}`), undefined);
    expect(numbersOf(history, "/topic/0", "first")).to.deep.equal([4, 6, 8]);
    expect(numbersOf(history, "/topic/*", "first", 6)).to.deep.equal([4, 5, 6, 7, 8, 9]);
    expect(numbersOf(history, "/topic/*", "first", 5)).to.equal("limit");
  });

  it("lets go of a message that somebody still holds to give it", () => {
    const history = historyOf({ size: 1 });
    history.keep(publicationOf(1, "/topic/a"), undefined);
    const found = history.find({ pattern: parsePattern("/topic/a"), user: undefined, after: 0, limit: 10 });
    history.keep(publicationOf(2, "/topic/a"), undefined);
    expect("kept" in found && found.kept[0]?.publication).to.equal(undefined);
  });

  it("counts no message that has left its window", () => {
    const evicted: Publication[] = [];
    const history = historyOf({ size: 3, sizeLimit: 20_000, evicted: (each) => void evicted.push(each) });
    history.keep(publicationOf(1, "/topic/quiet"), undefined);
    for (let number = 2; number < 1_000; number++) history.keep(publicationOf(number, "/topic/a"), undefined);
    expect(numbersOf(history, "/topic/quiet", 0)).to.deep.equal([1]);
    expect(evicted).to.deep.equal([]);
  });

  it("frees what is over though nobody asks, and has no timer when nothing is kept", () => {
    const time = new FakeTime();
    const history = historyOf({ clock: time, ttl: 10_000 });
    const message = publicationOf(1, "/topic/a");
    history.keep(message, undefined);
    const found = history.find({ pattern: parsePattern("/topic/a"), user: undefined, after: 0, limit: 10 });
    time.pass(21_000);
    expect("kept" in found && found.kept[0]?.publication).to.equal(undefined);
    expect(time.waiting).to.equal(0);
    history.keep(publicationOf(2, "/topic/a"), undefined);
    expect(time.waiting).to.equal(1);
    history.close();
    expect(time.waiting).to.equal(0);
  });

  it("costs no more for a pattern than what was published since", () => {
    let looks = 0;
    const history = historyOf();
    for (let number = 1; number <= 5_000; number++)
      history.keep(publicationOf(number, `/topic/${number}`), undefined);
    const pattern = parsePattern("/topic/*");
    const counting = Object.create(pattern, {
      searches: { value: false },
      fits: {
        value: (destination: string) => {
          looks++;
          return pattern.fits(destination);
        },
      },
    }) as typeof pattern;
    const found = history.find({ pattern: counting, user: undefined, after: 4_990, limit: 100 });
    expect("kept" in found && found.kept.length).to.equal(10);
    expect(looks).to.equal(10);
  });
});
