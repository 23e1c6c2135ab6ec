import { DestinationIndex } from "../destination/destination-index.js";
import type { DestinationSeparator } from "../destination/pattern.js";
import type { Consumer } from "./consumer.js";

/** The consumers, by the destinations that they hear. */
export class Listeners {
  readonly #separator: DestinationSeparator;
  /** Of everybody; those that `match` gives are live: read them now. */
  readonly all: DestinationIndex<Consumer>;
  /** An index for each session that has private subscriptions: no pattern of another is even looked at. */
  readonly #private = new Map<string, DestinationIndex<Consumer>>();

  /** @param separator that of all subscriptions' patterns */
  constructor(separator: DestinationSeparator = "/") {
    this.#separator = separator;
    this.all = new DestinationIndex(separator);
  }

  add(consumer: Consumer): void {
    const { isPrivate, sessionId, pattern } = consumer;
    let index = isPrivate ? this.#private.get(sessionId) : this.all;
    if (!index) {
      index = new DestinationIndex(this.#separator);
      this.#private.set(sessionId, index);
    }
    index.add(pattern, consumer);
  }

  /** Nothing happens when it is not there. */
  remove(consumer: Consumer): void {
    const { isPrivate, sessionId, pattern } = consumer;
    const index = isPrivate ? this.#private.get(sessionId) : this.all;
    index?.remove(pattern, consumer);
  }

  /** Removes all that one session listens to privately. */
  removePrivate(sessionId: string): void {
    this.#private.delete(sessionId);
  }

  /** The consumers of one session that hear a destination privately. */
  ofSession(sessionId: string, destination: string): readonly ReadonlySet<Consumer>[] {
    return this.#private.get(sessionId)?.match(destination) ?? [];
  }

  clear(): void {
    this.all.clear();
    this.#private.clear();
  }
}
