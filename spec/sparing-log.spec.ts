import { expect } from "chai";
import { SparingLog } from "#lib/sparing-log.js";
import { FakeTime } from "./support/fake-time.js";
import { recordingLogger } from "./support/recording.js";

describe("SparingLog", () => {
  const HOUR = 3_600_000;
  let logger: ReturnType<typeof recordingLogger>;
  let clock: FakeTime;
  let log: SparingLog;

  beforeEach(() => {
    logger = recordingLogger();
    clock = new FakeTime();
    log = new SparingLog({ logger, clock, lines: 20, period: "hour" });
  });

  it("writes each key once in a period", () => {
    for (const key of ["a", "b", "a"]) log.warn(`text ${key}`, key);
    expect(logger.lines).to.deep.equal(["warn text a", "warn text b"]);
    clock.pass(HOUR - 1);
    log.warn("too early", "a");
    expect(logger.lines).to.have.length(2);
    clock.pass(1);
    log.warn("again", "a");
    expect(logger.lines).to.have.length(3);
  });

  it("writes what has no key each time", () => {
    for (let i = 0; i < 3; i++) log.warn("text");
    expect(logger.lines).to.deep.equal(["warn text", "warn text", "warn text"]);
  });

  for (const keyOf of [(i: number) => `${i}`, () => undefined]) {
    it(`writes so many ${keyOf(0) ? "keys" : "texts"} in a period, whatever clients invent, and says when it stops`, () => {
      for (let i = 0; i < 1000; i++) log.warn(`text ${i}`, keyOf(i));
      expect(logger.lines).to.have.length(20);
      expect(logger.lines[18]).to.equal("warn text 18");
      expect(logger.lines[19]).to.equal("warn text 19 (more of this kind is not logged for an hour)");
      clock.pass(HOUR);
      log.warn("again", keyOf(1000));
      expect(logger.lines[20]).to.equal("warn again");
    });
  }
});
