import { expect } from "chai";
import { fuzzLive } from "../support/live-fuzz.js";

describe("A live server", () => {
  for (const seed of [1, 20_261_130]) {
    it(`lives, serves others and holds nothing after thousands of spoiled messages, seed ${seed}`, async function () {
      this.timeout(120_000);
      const { faults, inputs, answered } = await fuzzLive({ inputs: 3_000, seed });

      expect(faults).to.deep.equal([]);
      expect(inputs).to.be.at.least(3_000);
      expect(answered).to.be.above(10_000);
    });
  }
});
