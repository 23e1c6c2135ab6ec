import { Problem } from "./problem.js";

/** So many entries are looked at in one turn of the event loop. */
const SLICE = 1_000;
/** So many questions wait for their turn. */
const WAITING_LIMIT = 20;

/** Walks over long lists, one after the other, and gives way to all else in between. */
export class Walks {
  #last: Promise<unknown> = Promise.resolve();
  #count = 0;

  /**
   * Looks at entries until there are no more, or `most` were looked at.
   *
   * @param isGone whether nobody waits for the result any more: then it ends early
   * @returns how many there were, and whether there are more
   * @throws Problem (rejects with it) when too many questions wait
   */
  over<Entry>(
    entries: Iterable<Entry>,
    { most, look, isGone }: { readonly most: number; look(entry: Entry): void; isGone(): boolean },
  ): Promise<{ readonly count: number; readonly isCut: boolean }> {
    if (this.#count >= WAITING_LIMIT) throw new Problem(503, "Too many questions are asked at once.");
    this.#count++;
    const walk = this.#last.then(async () => {
      let count = 0;
      for (const entry of entries) {
        if (count === most || isGone()) return { count, isCut: true };
        look(entry);
        count++;
        if (count % SLICE === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      return { count, isCut: false };
    });
    const done = () => {
      this.#count--;
    };
    this.#last = walk.then(done, done);
    return walk;
  }
}
