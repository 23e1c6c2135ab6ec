import { StandingClock } from "./standing-clock.js";
import { turned } from "./turns.js";

/**
 * A clock for the option `clock` of `stompMessaging`, that stands until it is
 * told that time passes: heart-beats, limits, deadlines and tokens wait for it.
 */
export class FakeClock extends StandingClock {
  /**
   * Lets so many ms pass. Each timer rings in its turn, and what it begins on
   * lines in memory is done before the next one rings.
   */
  async pass(ms: number): Promise<void> {
    await turned();
    const end = this.now() + ms;
    while (this.ringNext(end)) await turned();
  }

  /** The process stands still for so many ms: nothing rings meanwhile, and what was due rings late, once. */
  async stall(ms: number): Promise<void> {
    await turned();
    this.jump(ms);
    while (this.ringNext(this.now())) await turned();
  }
}

/**
 * Makes a clock that stands still.
 *
 * @example
 * ```ts
 * const clock = fakeClock();
 * const stomp = await testMessaging({ clock, controllers: [RoomController] });
 * const mina = await stomp.connect({ user: "mina", heartbeat: [0, 10_000] });
 * await clock.pass(60_000);
 * ```
 */
export function fakeClock(): FakeClock {
  return new FakeClock();
}
