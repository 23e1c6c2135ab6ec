import { DESTINATION_LENGTH, type DestinationPattern } from "./pattern.js";
import type { Segment } from "./segment.js";

/** As many destinations as Spring's simple broker remembers. */
const CACHE_LIMIT = 1024;

/** All values of one pattern. It is live: it changes as values come and go. */
type Bucket<T> = Set<T>;

/** Where one more segment of the patterns leads. Maps only where there is something to keep: most nodes are leaves. */
interface Node<T> {
  readonly segment: Segment | undefined;
  readonly parent: Node<T> | undefined;
  literals?: Map<string, Node<T>> | undefined;
  wild?: Map<string, Node<T>> | undefined;
  /** The child behind `**`, which is also a place to stay in. */
  rest?: Node<T> | undefined;
  bucket?: Bucket<T> | undefined;
  /** The step of the last match that came by. */
  visited: number;
}

/**
 * Finds the values of all patterns that fit a destination, without trying them
 * one by one: exact destinations stand in a map, patterns in a trie of segments
 * in which all ways are followed at once, so that no pattern can make it go
 * back. What was found is remembered for 1,024 destinations.
 */
export class DestinationIndex<T> {
  readonly #exact = new Map<string, Bucket<T>>();
  readonly #root: Node<T> = { segment: undefined, parent: undefined, visited: 0 };
  readonly #found = new Map<string, readonly Bucket<T>[]>();
  #step = 0;

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

    // What was found before may go on holding the empty bucket: nobody is in it, or ever will be.
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
    this.#root.literals = this.#root.wild = this.#root.rest = undefined;
  }

  /** The values of every pattern that fits, a set for each. The sets are live: read them now. */
  match(destination: string): readonly ReadonlySet<T>[] {
    const known = this.#found.get(destination);
    if (known) return known;

    const buckets = this.#matchPatterns(destination);
    const exact = this.#exact.get(destination);
    if (exact) buckets.unshift(exact);

    // Long ones are not worth their memory, and a client can make many of them.
    if (destination.length <= DESTINATION_LENGTH) {
      if (this.#found.size >= CACHE_LIMIT) this.#found.delete(this.#found.keys().next().value as string);
      this.#found.set(destination, buckets);
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

  #patternBucket({ segments }: DestinationPattern): Bucket<T> {
    let node = this.#root;
    for (const segment of segments) node = child(node, segment) ?? addChild(node, segment);
    if (!node.bucket) {
      node.bucket = new Set();
      this.#found.clear();
    }
    return node.bucket;
  }

  #find({ segments }: DestinationPattern): Node<T> | undefined {
    let node: Node<T> | undefined = this.#root;
    for (const segment of segments) node = node && child(node, segment);
    return node;
  }

  #matchPatterns(destination: string): Bucket<T>[] {
    let here: Node<T>[] = [];
    this.#step++;
    this.#enter(this.#root, here);
    for (const part of destination.split("/")) {
      if (here.length === 0) break;
      const next: Node<T>[] = [];
      this.#step++;
      for (const node of here) {
        if (node.segment?.kind === "rest") this.#enter(node, next);
        const literal = node.literals?.get(part);
        if (literal) this.#enter(literal, next);
        if (!node.wild) continue;
        for (const wild of node.wild.values()) if (wild.segment?.match(part)) this.#enter(wild, next);
      }
      here = next;
    }
    return here.flatMap((node) => node.bucket ?? []);
  }

  /** Adds a node, and the one behind its `**` which needs no segment, unless this step has them already. */
  #enter(node: Node<T>, nodes: Node<T>[]): void {
    for (let entered: Node<T> | undefined = node; entered; entered = entered.rest) {
      if (entered.visited === this.#step) return;
      entered.visited = this.#step;
      nodes.push(entered);
    }
  }
}

function child<T>(node: Node<T>, { kind, text }: Segment): Node<T> | undefined {
  if (kind === "rest") return node.rest;
  return (kind === "literal" ? node.literals : node.wild)?.get(text);
}

function addChild<T>(parent: Node<T>, segment: Segment): Node<T> {
  const node: Node<T> = { segment, parent, visited: 0 };
  if (segment.kind === "rest") parent.rest = node;
  else {
    const key = segment.kind === "literal" ? "literals" : "wild";
    parent[key] ??= new Map();
    parent[key].set(segment.text, node);
  }
  return node;
}

/** Takes out a node that leads nowhere, and whatever led only to it. */
function prune<T>(from: Node<T>): void {
  let node = from;
  while (node.parent && node.segment && !node.bucket && !node.literals && !node.wild && !node.rest) {
    const { parent, segment } = node;
    if (segment.kind === "rest") parent.rest = undefined;
    else {
      const key = segment.kind === "literal" ? "literals" : "wild";
      parent[key]?.delete(segment.text);
      if (parent[key]?.size === 0) parent[key] = undefined;
    }
    node = parent;
  }
}
