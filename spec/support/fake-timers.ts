import { FakeClock } from "#lib/testing/fake-clock.js";

/** The clock that is given away, for specs in which a process stands still. */
export class FakeTimers extends FakeClock {
  /** The process stands still for so long: nothing rings, until time passes again. */
  standStill(ms: number): void {
    this.jump(ms);
  }
}
