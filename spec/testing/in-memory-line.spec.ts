import { once } from "node:events";
import { expect } from "chai";
import { inMemoryLine } from "#lib/testing/in-memory-line.js";
import { LineFaults } from "#lib/testing/line-faults.js";
import { realTimers } from "#lib/testing/turns.js";

describe("The two ends of a line in memory", () => {
  const line = () =>
    inMemoryLine({ address: "127.0.0.1", secure: false, faults: new LineFaults(realTimers) });

  for (const [one, other] of [
    ["client", "server"],
    ["server", "client"],
  ] as const) {
    it(`hear of each other's end: the ${other}'s, when the ${one}'s is destroyed behind what it wrote`, async () => {
      const ends = line();
      const heard: string[] = [];
      ends[other].on("data", (bytes: Buffer) => heard.push(bytes.toString()));
      ends[one].write("last");
      await new Promise(setImmediate);
      ends[one].destroy();
      await once(ends[other], "end");
      expect(heard).to.deep.equal(["last"]);
    });

    it(`are both reset, when the ${one}'s is destroyed by an error`, async () => {
      const ends = line();
      ends[one].on("error", () => {});
      ends[one].destroy(new Error("broken"));
      const [error] = (await once(ends[other], "error")) as [NodeJS.ErrnoException];
      expect(error.code).to.equal("ECONNRESET");
    });
  }
});
