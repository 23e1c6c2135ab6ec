import { expect } from "chai";
import { faultSoak } from "../support/fault-soak.js";

describe("Over lines that stall, tear and delay", function () {
  this.timeout(120_000);

  for (const isAsync of [false, true]) {
    it(`nothing is lost, doubled or reordered, with interceptors that ${isAsync ? "wait" : "are none"}`, async () => {
      const { published, faults, wrong } = await faultSoak({ clients: 30, messages: 600, isAsync });

      expect(wrong).to.deep.equal([]);
      expect(published).to.be.at.least(600);
      expect(faults).to.be.above(0);
    });
  }
});
