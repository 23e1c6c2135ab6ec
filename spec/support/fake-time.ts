import { StandingClock } from "#lib/testing/standing-clock.js";

/** Time that passes when it is told to. Callbacks of a stalled process come late, and once. */
export class FakeTime extends StandingClock {
  /** Lets time pass with every callback in its time. */
  pass(ms: number): void {
    const end = this.now() + ms;
    while (this.ringNext(end));
  }

  /** Lets time pass in which nothing runs; what was due runs once, at the end. */
  stall(ms: number): void {
    this.jump(ms);
    while (this.ringNext(this.now()));
  }
}
