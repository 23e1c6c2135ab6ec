import { refusal } from "../../errors.js";
import type { Message } from "../../message/message.js";
import { ownText } from "../../own-text.js";
import { type SelectorStep, type SelectorValue, truth } from "./operations.js";
import { SelectorParser } from "./parser.js";

const LENGTH_LIMIT = 512;

/**
 * Chooses among messages by their headers, in the SQL-92 that JMS defines: a
 * closed set of operations, each of which costs at most what the header at hand
 * is long.
 */
export class Selector {
  /** How many of its LIKEs have to read all of a header. */
  readonly searches: number;
  /** As the client wrote it. */
  readonly text: string;
  readonly #steps: readonly SelectorStep[];

  private constructor(text: string) {
    const parser = new SelectorParser(text);
    this.#steps = parser.parse();
    this.searches = parser.searches;
    this.text = ownText(text);
  }

  /** @throws MessageDeliveryError when it is too long, or makes no sense */
  static parse(text: string): Selector {
    if (text.length > LENGTH_LIMIT) throw refusal(`A selector has at most ${LENGTH_LIMIT} characters`);
    return new Selector(text);
  }

  /** About what it takes to ask it about a message, in characters that are read. */
  workFor({ headers }: Message): number {
    return 16 + 4 * this.#steps.length + this.searches * headers.native.byteLength;
  }

  /** Whether it is true for a message. Unknown, since a header is missing or no number, is not. */
  matches({ headers }: Message): boolean {
    const { destination, contentType, native } = headers;
    const header = (name: string) => {
      if (name === "destination") return destination;
      return name === "content-type" ? contentType : native.get(name);
    };
    const stack: SelectorValue[] = [];
    for (const step of this.#steps) step(stack, header);
    return truth(stack[0]) === true;
  }
}
