import { later } from "./page-socket.js";

/** A connection, as its line sees it. */
interface Cuttable {
  cut(): void;
}

/** The network between the pages and the broker. */
export class PageLines {
  readonly #connections: ReadonlySet<Cuttable>;
  #isStalled = false;
  #isDown = false;
  #delay = 0;
  readonly #held: (() => void)[] = [];

  constructor(connections: ReadonlySet<Cuttable>) {
    this.#connections = connections;
  }

  /** Breaks every connection: pages see close code 1006. */
  cut(): void {
    for (const connection of [...this.#connections]) connection.cut();
  }

  /** Lets nothing pass in either direction, and tells nobody. */
  stall(): void {
    this.#isStalled = true;
  }

  /** Breaks every connection, and lets none be opened: a page is offline. */
  down(): void {
    this.#isDown = true;
    this.cut();
  }

  /** Lets everything pass again, at once; first what was held back. */
  resume(): void {
    this.#isStalled = false;
    this.#isDown = false;
    this.#delay = 0;
    for (const pass of this.#held.splice(0)) pass();
  }

  /** Holds back all that is sent from now on, either way, for so many ms. */
  delay(ms: number): void {
    this.#delay = ms;
  }

  /** @internal */
  get isDown(): boolean {
    return this.#isDown;
  }

  /** Lets something pass when it may, in order. @internal */
  carry(pass: () => void): void {
    const go = () => {
      if (this.#isStalled) this.#held.push(go);
      else pass();
    };
    // The timers of this moment: fake ones of a runner move it on.
    if (this.#delay > 0) setTimeout(go, this.#delay);
    else later(go);
  }
}
