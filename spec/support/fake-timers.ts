import { FakeClock } from "./fake-clock.js";
import { settled } from "./recording.js";

/** Timers that ring when they are told that time passes. */
export class FakeTimers extends FakeClock {
  /** Lets time pass: each timer rings in its turn, and what it began is done before the next one. */
  async pass(ms: number): Promise<void> {
    const end = this.now() + ms;
    await settled();
    while (this.ringNext(end)) await settled();
  }

  /** The process stands still for so long: nothing rings, until time passes again. */
  standStill(ms: number): void {
    this.jump(ms);
  }
}
