import { expect } from "chai";
import fc from "fast-check";
import { InOrder } from "#lib/broker/in-order.js";
import { countOperations } from "../support/count-operations.js";

interface Item {
  readonly sequence: number;
}

describe("InOrder", () => {
  const all = (items: InOrder<Item>): number[] => {
    const found: number[] = [];
    for (let at = items.after(0); at; at = items.after(at.sequence)) found.push(at.sequence);
    return found;
  };

  it("keeps everything in order, as a sorted array would", () => {
    const steps = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 2000 })), { maxLength: 3000 });
    fc.assert(
      fc.property(steps, (given) => {
        const items = new InOrder<Item>();
        const model = new Map<number, Item>();
        for (const [inserts, sequence] of given) {
          const known = model.get(sequence);
          if (inserts && !known) {
            const item = { sequence };
            model.set(sequence, item);
            items.insert(item);
          } else if (!inserts) {
            expect(items.remove(known ?? { sequence })).to.equal(known !== undefined);
            model.delete(sequence);
          }
        }
        const sorted = [...model.keys()].sort((a, b) => a - b);
        expect(all(items)).to.deep.equal(sorted);
        expect(items.length).to.equal(sorted.length);
        const isIt = ({ sequence }: Item) => sequence % 7 === 0;
        const wanted = sorted.find((sequence) => sequence > 500 && sequence % 7 === 0);
        expect(items.find(500, isIt)?.sequence).to.equal(wanted);
        expect(items.first?.sequence).to.equal(sorted[0]);
        expect(items.last?.sequence).to.equal(sorted.at(-1));
      }),
      { numRuns: 30 },
    );
  });

  it("takes no other thing for one of the same number", () => {
    const items = new InOrder<Item>();
    items.insert({ sequence: 1 });
    expect(items.remove({ sequence: 1 })).to.equal(false);
    expect(items.length).to.equal(1);
  });

  for (const [from, order] of [
    ["front", (a: Item, b: Item) => a.sequence - b.sequence],
    ["back", (a: Item, b: Item) => b.sequence - a.sequence],
  ] as const) {
    it(`moves few things for each that is inserted or removed at the ${from}`, () => {
      const count = 20_000;
      const things = Array.from({ length: count }, (_, i) => ({ sequence: i + 1 })).sort(order);
      const items = new InOrder<Item>();
      const operations = countOperations(() => {
        for (const thing of things) items.insert(thing);
        for (const thing of things) items.remove(thing);
      });
      expect(items.length).to.equal(0);
      expect(operations).to.be.below(1000 * count);
    });
  }
});
