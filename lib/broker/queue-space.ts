/** What all queues of a broker may hold together, in bytes. */
export class QueueSpace {
  readonly limit: number;
  /** What they hold: messages that wait, or are in flight, and themselves. */
  held = 0;
  /** Of that, what was delivered and is not acknowledged. */
  inFlight = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  /**
   * What one session may have in flight: as much as the others leave. So one
   * that never acknowledges gets half, two get a third each, and whoever comes
   * then has something left.
   */
  get share(): number {
    return this.limit - this.inFlight;
  }

  /** Whether so much more may be held. */
  hasRoomFor(size: number): boolean {
    return this.held + size <= this.limit;
  }
}
