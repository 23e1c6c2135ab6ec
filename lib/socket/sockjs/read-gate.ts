/** Where those wait who bring what nobody reads yet. Shut at first. */
export class ReadGate {
  readonly #waiting: (() => void)[] = [];
  #isOpen = false;

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Resolves when it is open, and is still so when the others have gone on. */
  async passed(): Promise<void> {
    while (!this.#isOpen) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  open(): void {
    this.#isOpen = true;
    for (const go of this.#waiting.splice(0)) go();
  }

  shut(): void {
    this.#isOpen = false;
  }
}
