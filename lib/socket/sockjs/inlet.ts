/** Lets requests bring their messages one after the other, and only while the session reads. Shut at first. */
export class Inlet {
  #isOpen = false;
  #requests = 0;
  #last: Promise<void> = Promise.resolve();
  readonly #waiting: (() => void)[] = [];

  /** How many requests bring messages or wait for their turn. */
  get requests(): number {
    return this.#requests;
  }

  /** Calls `bring` when all requests that came before are done: two bodies that are read at once would be mixed up. */
  async inTurn(bring: () => Promise<void>): Promise<void> {
    const before = this.#last;
    let done = () => {};
    this.#last = new Promise((resolve) => {
      done = resolve;
    });
    this.#requests++;
    try {
      await before;
      await bring();
    } finally {
      this.#requests--;
      done();
    }
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
