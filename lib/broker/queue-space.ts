/** The space that all queues of a broker have together, in bytes. */
export class QueueSpace {
  readonly limit: number;
  /** Bytes that they hold: messages that wait, or are in flight, and the queues themselves. */
  held = 0;
  /** Of that, what was delivered and is not acknowledged; and how many messages that is. */
  inFlight = 0;
  unacknowledged = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  /**
   * Bytes that one session may have in flight: as much as the others leave. So one
   * that never acknowledges gets half, two get a third each, and one that comes
   * then has something left.
   */
  get share(): number {
    return this.limit - this.inFlight;
  }

  /** Whether so much more may be held. */
  hasSpaceFor(size: number): boolean {
    return this.held + size <= this.limit;
  }
}
