import { expect } from "chai";
import { FLUSHED_IN_A_TURN, flushAfterTurn, type Gathering } from "#lib/socket/loop-turn.js";

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

describe("flushAfterTurn", () => {
  let flushed: string[];
  const gathering = (name: string): Gathering => ({ flush: () => void flushed.push(name) });
  const many = (name: string, count: number) =>
    Array.from({ length: count }, (_, i) => gathering(`${name}${i}`));

  beforeEach(() => {
    flushed = [];
  });

  it("flushes all when the turn is over, in order", async () => {
    for (const each of many("a", FLUSHED_IN_A_TURN)) flushAfterTurn(each);
    expect(flushed).to.deep.equal([]);
    await turn();
    expect(flushed).to.have.length(FLUSHED_IN_A_TURN);
    expect(flushed.slice(0, 3)).to.deep.equal(["a0", "a1", "a2"]);
  });

  it("leaves what is beyond a turn's part to the next turns, in order", async () => {
    const count = 3 * FLUSHED_IN_A_TURN + 1;
    for (const each of many("a", count)) flushAfterTurn(each);
    const lengths: number[] = [];
    for (let i = 0; i < 4; i++) {
      await turn();
      lengths.push(flushed.length);
    }
    expect(lengths).to.deep.equal([1, 2, 3, 3].map((n, i) => n * FLUSHED_IN_A_TURN + (i === 3 ? 1 : 0)));
    expect(flushed).to.deep.equal(Array.from({ length: count }, (_, i) => `a${i}`));
  });

  it("lets those who come meanwhile go ahead, and never stands still for them", async () => {
    for (const each of many("a", 4 * FLUSHED_IN_A_TURN)) flushAfterTurn(each);
    await turn();
    flushAfterTurn(gathering("answer"));
    flushed = [];
    await turn();
    expect(flushed[0]).to.equal("answer");
    expect(flushed).to.have.length(FLUSHED_IN_A_TURN);

    for (const each of many("b", 2 * FLUSHED_IN_A_TURN)) flushAfterTurn(each);
    flushed = [];
    await turn();
    expect(flushed.filter((name) => name.startsWith("a"))).to.have.length(FLUSHED_IN_A_TURN / 2);
    for (let i = 0; i < 8; i++) await turn();
    const last = flushed.at(-1);
    expect(last).to.equal(`b${2 * FLUSHED_IN_A_TURN - 1}`);
    const b = flushed.filter((name) => name.startsWith("b"));
    expect(b).to.deep.equal(Array.from({ length: 2 * FLUSHED_IN_A_TURN }, (_, i) => `b${i}`));
    await turn();
    expect(flushed.at(-1)).to.equal(last);
  });
});
