import { ownText } from "../own-text.js";
import { DESTINATION_LENGTH, type DestinationPattern, type DestinationSeparator } from "./pattern.js";
import type { Segment } from "./segment.js";

/** As many destinations as Spring's simple broker remembers. */
const CACHE_LIMIT = 1024;

/** All values of one pattern. It is live: it changes as values come and go. */
type Bucket<T> = Set<T>;

/** A place in the trie. Maps only where there is something to keep: most nodes are leaves. */
interface Node<T> {
  readonly parent: Node<T> | undefined;
  readonly step: Step | undefined;
  literal?: Map<string, Node<T>> | undefined;
  wild?: Map<string, Node<T>> | undefined;
  rest?: Map<string, Node<T>> | undefined;
  middle?: Map<string, Node<T>> | undefined;
  bucket?: Bucket<T> | undefined;
}

/**
 * How one gets from a node to the next. Up to the first `**` (`rest`) the
 * segments of a pattern follow each other from the front, then those behind its
 * last `**` from the back: so each is looked at in one place of a destination
 * only. The part between two `**` (`middle`) is tried as a whole.
 */
interface Step {
  readonly kind: "literal" | "wild" | "rest" | "middle";
  readonly key: string;
  readonly fromBack: boolean;
  readonly segment?: Segment;
  readonly pattern?: DestinationPattern;
}

/**
 * Finds the values of all patterns that fit a destination, without trying them
 * one by one: exact destinations stand in a map, patterns in a trie of segments
 * of which every node is visited at most once. The answer is remembered for
 * 1,024 destinations.
 */
export class DestinationIndex<T> {
  readonly #exact = new Map<string, Bucket<T>>();
  #root: Node<T> = { parent: undefined, step: undefined };
  readonly #found = new Map<string, readonly Bucket<T>[]>();
  readonly #separator: DestinationSeparator;

  /** @param separator that of all patterns which will be added */
  constructor(separator: DestinationSeparator = "/") {
    this.#separator = separator;
  }

  /** Adds a value to a pattern. The same value counts once. */
  add(pattern: DestinationPattern, value: T): void {
    const bucket = pattern.isPattern ? this.#patternBucket(pattern) : this.#exactBucket(pattern.text);
    bucket.add(value);
  }

  /** Removes a value from a pattern; nothing happens when it is not there. */
  remove(pattern: DestinationPattern, value: T): void {
    const node = pattern.isPattern ? this.#find(pattern) : undefined;
    const bucket = pattern.isPattern ? node?.bucket : this.#exact.get(pattern.text);
    if (!bucket?.delete(value) || bucket.size > 0) return;

    // A remembered answer may go on holding the empty bucket: nobody is in it, or ever will be.
    if (!node) this.#exact.delete(pattern.text);
    else {
      node.bucket = undefined;
      prune(node);
    }
  }

  /** Removes everything. */
  clear(): void {
    this.#exact.clear();
    this.#found.clear();
    this.#root = { parent: undefined, step: undefined };
  }

  /** The values of every pattern that fits, a set for each. The sets are live: read them now. */
  match(destination: string): readonly ReadonlySet<T>[] {
    const known = this.#found.get(destination);
    if (known) return known;

    const exact = this.#exact.get(destination);
    const buckets = exact ? [exact] : [];
    this.#matchPatterns(destination.split(this.#separator), buckets);

    // Long ones are not worth their memory, and a client can make many of them.
    if (destination.length <= DESTINATION_LENGTH) {
      if (this.#found.size >= CACHE_LIMIT) this.#found.delete(this.#found.keys().next().value as string);
      this.#found.set(ownText(destination), buckets);
    }
    return buckets;
  }

  #exactBucket(destination: string): Bucket<T> {
    let bucket = this.#exact.get(destination);
    if (!bucket) {
      bucket = new Set();
      this.#exact.set(destination, bucket);
      this.#found.delete(destination);
    }
    return bucket;
  }

  #patternBucket(pattern: DestinationPattern): Bucket<T> {
    let node = this.#root;
    for (const step of stepsOf(pattern)) node = node[step.kind]?.get(step.key) ?? addChild(node, step);
    if (!node.bucket) {
      node.bucket = new Set();
      this.#found.clear();
    }
    return node.bucket;
  }

  #find(pattern: DestinationPattern): Node<T> | undefined {
    let node: Node<T> | undefined = this.#root;
    for (const step of stepsOf(pattern)) node = node?.[step.kind]?.get(step.key);
    return node;
  }

  #matchPatterns(parts: readonly string[], buckets: Bucket<T>[]): void {
    const ways = [{ node: this.#root, from: 0, to: parts.length }];
    for (let way = ways.pop(); way; way = ways.pop()) {
      const { node, from, to } = way;
      const fromBack = node.step?.fromBack === true;
      if (node.bucket && (fromBack || from === to)) buckets.push(node.bucket);
      if (node.rest) for (const rest of node.rest.values()) ways.push({ node: rest, from, to });
      if (node.middle) {
        for (const { step, bucket } of node.middle.values()) {
          if (bucket && step?.pattern?.bits.test(parts)) buckets.push(bucket);
        }
      }
      if (from === to) continue;

      const part = parts[fromBack ? to - 1 : from] as string;
      const go = (next: Node<T>) =>
        ways.push(fromBack ? { node: next, from, to: to - 1 } : { node: next, from: from + 1, to });
      const literal = node.literal?.get(part);
      if (literal) go(literal);
      if (node.wild) for (const wild of node.wild.values()) if (wild.step?.segment?.match(part)) go(wild);
    }
  }
}

function stepsOf(pattern: DestinationPattern): Step[] {
  const { segments, separator } = pattern;
  const first = segments.findIndex((segment) => segment.kind === "rest");
  if (first < 0) return segments.map((segment) => stepTo(segment, false));

  const last = segments.findLastIndex((segment) => segment.kind === "rest");
  const steps = segments.slice(0, first + 1).map((segment) => stepTo(segment, segment.kind === "rest"));
  for (const segment of segments.slice(last + 1).reverse()) steps.push(stepTo(segment, true));
  if (last > first) {
    const between = segments.slice(first, last).map((segment) => segment.text);
    steps.push({ kind: "middle", key: between.join(separator), fromBack: true, pattern });
  }
  return steps;
}

function stepTo(segment: Segment, fromBack: boolean): Step {
  return { kind: segment.kind, key: segment.text, fromBack, segment };
}

function addChild<T>(parent: Node<T>, step: Step): Node<T> {
  const node: Node<T> = { parent, step };
  parent[step.kind] ??= new Map();
  parent[step.kind]?.set(step.key, node);
  return node;
}

/** Takes out a node that leads nowhere, and whatever led only to it. */
function prune<T>(from: Node<T>): void {
  let node = from;
  while (!(node.bucket || node.literal || node.wild || node.rest || node.middle)) {
    const { parent, step } = node;
    if (!parent || !step) return;

    const siblings = parent[step.kind];
    siblings?.delete(step.key);
    if (siblings?.size === 0) parent[step.kind] = undefined;
    node = parent;
  }
}
