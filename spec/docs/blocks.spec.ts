import { expect } from "chai";
import { compiledBlocks } from "../support/blocks.js";

describe("Code in the README and docs/", function () {
  // One compilation of all examples.
  this.timeout(120_000);

  it("compiles block by block as it is printed, imports included", async () => {
    const { count, faults } = await compiledBlocks();
    expect(faults).to.equal("");
    expect(count).to.be.above(45);
  });
});
