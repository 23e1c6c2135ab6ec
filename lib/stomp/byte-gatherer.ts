const NOTHING = Buffer.alloc(0);

/** Gathers what arrives in slices. Room grows by doubling: a drip of single bytes costs no more than its sum. */
export class ByteGatherer {
  #bytes = NOTHING;
  /** Changed in here alone. */
  length = 0;

  /**
   * Appends `source` between two of its positions.
   *
   * @param most how long the whole will become at most; no more room than that is taken
   */
  append(source: Buffer, span: { readonly from: number; readonly to: number; readonly most: number }): void {
    const length = this.length + span.to - span.from;
    if (length > this.#bytes.length) {
      const doubled = Math.max(256, 2 * this.#bytes.length);
      const grown = Buffer.allocUnsafeSlow(Math.max(length, Math.min(doubled, span.most)));
      this.#bytes.copy(grown, 0, 0, this.length);
      this.#bytes = grown;
    }
    source.copy(this.#bytes, this.length, span.from, span.to);
    this.length = length;
  }

  /** Hands over what was gathered, and begins anew. */
  take(): Buffer {
    const bytes = this.#bytes.subarray(0, this.length);
    this.#bytes = NOTHING;
    this.length = 0;
    return bytes;
  }
}
