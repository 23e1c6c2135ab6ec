import type { DestinationPattern, DestinationSeparator } from "../destination/pattern.js";
import type { QueueView } from "../observe/views.js";
import { ownText } from "../own-text.js";
import type { Backlog } from "./backlog.js";
import { InOrder } from "./in-order.js";

/** Queues stand together by this many of their first segments: two names, since a slash is before the first. */
const BRANCH_SEGMENTS = 3;

/** The queues in which something waits, the oldest first: by their destinations, and by how these begin. */
export class Backlogs {
  readonly #separator: DestinationSeparator;
  readonly #byDestination = new Map<string, Backlog>();
  readonly #all = new InOrder<Backlog>();
  readonly #branches = new Map<string, InOrder<Backlog>>();

  constructor(separator: DestinationSeparator) {
    this.#separator = separator;
  }

  get size(): number {
    return this.#byDestination.size;
  }

  get(destination: string): Backlog | undefined {
    return this.#byDestination.get(destination);
  }

  /** Gives those among which all are that fit a pattern, as they are whenever it is called. */
  among(pattern: DestinationPattern): () => InOrder<Backlog> | undefined {
    const branch = pattern.beginning(BRANCH_SEGMENTS);
    return branch === undefined ? () => this.#all : () => this.#branches.get(branch);
  }

  /** All of them, also while others come and go. */
  *views(): Generator<QueueView> {
    for (const { destination, messages, bytes, since } of this.#byDestination.values()) {
      yield { destination, messages: messages.length, bytes, since: new Date(since) };
    }
  }

  add(backlog: Backlog): void {
    this.#byDestination.set(backlog.destination, backlog);
    this.#all.insert(backlog);
    const beginning = this.#beginningOf(backlog);
    let branch = this.#branches.get(beginning);
    if (!branch) {
      branch = new InOrder();
      this.#branches.set(ownText(beginning), branch);
    }
    branch.insert(backlog);
  }

  delete(backlog: Backlog): void {
    this.#byDestination.delete(backlog.destination);
    this.#all.remove(backlog);
    const beginning = this.#beginningOf(backlog);
    const branch = this.#branches.get(beginning);
    branch?.remove(backlog);
    if (branch?.length === 0) this.#branches.delete(beginning);
  }

  clear(): void {
    this.#byDestination.clear();
    this.#branches.clear();
    this.#all.clear();
  }

  #beginningOf({ destination }: Backlog): string {
    let end = -1;
    for (let i = 0; i < BRANCH_SEGMENTS; i++) {
      end = destination.indexOf(this.#separator, end + 1);
      if (end < 0) return destination;
    }
    return destination.slice(0, end);
  }
}
