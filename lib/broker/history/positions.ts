import { randomBytes } from "node:crypto";

const NUMBER = /^(?:0|[1-9][0-9]{0,15})$/;

/**
 * The places in what one broker has published, from its start on. A position is a number that grows with each
 * publication, to whatever destination; it is told together with the epoch, which each start of a broker makes anew, and
 * is the `message-id` of the publication of that number. So the last id that a client has seen says what it has missed
 * anywhere, and a position of another broker is known to be none of this one. Brokers on a backplane with a log have its
 * numbers and its epoch in common.
 */
export class Positions {
  #prefix = `${randomBytes(9).toString("base64url")}-`;
  #top = 0;

  /** The number of the newest publication; 0 when there is none. */
  get top(): number {
    return this.#top;
  }

  /** Gives the number of the next publication. */
  next(): number {
    return ++this.#top;
  }

  /** Goes on from a place in a memory that is common to several brokers, and numbers for all of them. */
  follow({ epoch, number }: { readonly epoch: string; readonly number: number }): void {
    this.#prefix = `${epoch}-`;
    this.#top = number;
  }

  /** The position of that number as clients know it. */
  idOf(number: number): string {
    return this.#prefix + number;
  }

  /** Whether it is of this epoch. */
  isOurs(id: string): boolean {
    return id.startsWith(this.#prefix);
  }

  /** The number of a position; `undefined` of one that cannot be read, is of another epoch, or in the future. */
  numberOf(id: string): number | undefined {
    const digits = this.isOurs(id) ? id.slice(this.#prefix.length) : "";
    if (!NUMBER.test(digits)) return undefined;
    const number = Number(digits);
    return number <= this.#top ? number : undefined;
  }
}
