/** Bytes that a socket was given, and how many of them wait, at one moment. */
export interface BytesGiven {
  /** In ms. */
  readonly now: number;
  /** Bytes that the socket was given so far. */
  readonly given: number;
  /** Those of them that have not left. */
  readonly waiting: number;
}

/** Notices a peer that does not read. */
export class WaitingTime {
  /** From when on what waits now has been waiting, and how much had been given to the socket by then. */
  #mark: { readonly since: number; readonly given: number } | undefined;

  /** Gives how long some of what waits has been waiting, in ms. To be asked often: it knows no more than it was told. */
  age({ now, given, waiting }: BytesGiven): number {
    if (waiting === 0) {
      this.#mark = undefined;
    } else if (this.#mark === undefined || given - this.#mark.given >= waiting) {
      // All that waited at the last mark has left.
      this.#mark = { since: now, given };
    }
    return this.#mark ? now - this.#mark.since : 0;
  }
}
