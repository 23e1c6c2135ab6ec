import { expect } from "chai";
import { SparingLog } from "#lib/socket/sparing-log.js";
import { recordingLogger } from "../support/recording.js";

describe("SparingLog", () => {
  const HOUR = 3_600_000;
  let logger: ReturnType<typeof recordingLogger>;
  let now: number;
  let log: SparingLog;

  beforeEach(() => {
    logger = recordingLogger();
    now = 0;
    log = new SparingLog(logger, () => now);
  });

  it("writes each key once an hour", () => {
    for (const key of ["a", "b", "a"]) log.warn(key, `text ${key}`);
    expect(logger.lines).to.deep.equal(["warn text a", "warn text b"]);
    now = HOUR - 1;
    log.warn("a", "too early");
    expect(logger.lines).to.have.length(2);
    now = HOUR;
    log.warn("a", "again");
    expect(logger.lines).to.have.length(3);
  });

  it("writes so many an hour, whatever clients invent, and says when it stops", () => {
    for (let i = 0; i < 1000; i++) log.warn(`${i}`, `text ${i}`);
    expect(logger.lines).to.have.length(20);
    expect(logger.lines[18]).to.equal("warn text 18");
    expect(logger.lines[19]).to.equal("warn text 19 (more of this kind is not logged for an hour)");
    now = HOUR;
    log.warn("new", "again");
    expect(logger.lines[20]).to.equal("warn again");
  });
});
