import { inspect } from "node:util";

/** Values that must not reach a log by way of a printed message. */
const SECRET = new Set(["passcode", "authorization", "x-csrf-token"]);

/**
 * The headers a client sent or will be sent: text pairs in their order,
 * repeated names kept. The first of repeated names counts (STOMP 1.2, Repeated
 * Header Entries). Read-only; `with` and `without` give changed copies.
 */
export class NativeHeaders implements Iterable<readonly [name: string, value: string]> {
  static readonly EMPTY = new NativeHeaders([]);

  /** name, value, name, value … : flat, since every message has one. */
  readonly #flat: readonly string[];

  private constructor(flat: readonly string[]) {
    this.#flat = flat;
  }

  /** Takes over a flat array `[name, value, name, value, …]`, which must not be changed afterwards. */
  static fromFlat(flat: readonly string[]): NativeHeaders {
    return flat.length === 0 ? NativeHeaders.EMPTY : new NativeHeaders(flat);
  }

  /** From an object or pairs; values become text, `undefined` and `null` are left out. */
  static of(
    headers: NativeHeaders | Readonly<Record<string, unknown>> | Iterable<readonly [string, unknown]>,
  ) {
    if (headers instanceof NativeHeaders) return headers;

    const pairs =
      Symbol.iterator in headers ? (headers as Iterable<[string, unknown]>) : Object.entries(headers);
    const flat: string[] = [];
    for (const [name, value] of pairs) {
      if (value !== undefined && value !== null) flat.push(name, String(value));
    }
    return NativeHeaders.fromFlat(flat);
  }

  /** How many pairs there are, repeated names counted. */
  get size(): number {
    return this.#flat.length / 2;
  }

  /** The first value of this name. */
  get(name: string): string | undefined {
    const flat = this.#flat;
    for (let i = 0; i < flat.length; i += 2) {
      if (flat[i] === name) return flat[i + 1];
    }
    return undefined;
  }

  /** All values of this name, in order. */
  getAll(name: string): string[] {
    return [...this].filter((pair) => pair[0] === name).map((pair) => pair[1]);
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  /** A copy in which this name has this one value, in the place of the first or at the end. */
  with(name: string, value: string): NativeHeaders {
    const flat: string[] = [];
    let placed = false;
    for (const [n, v] of this) {
      if (n !== name) flat.push(n, v);
      else if (!placed) {
        flat.push(name, value);
        placed = true;
      }
    }
    if (!placed) flat.push(name, value);
    return new NativeHeaders(flat);
  }

  /** A copy without these names; itself when it has none of them. */
  without(...names: string[]): NativeHeaders {
    if (!names.some((name) => this.has(name))) return this;

    return NativeHeaders.fromFlat([...this].filter((pair) => !names.includes(pair[0])).flat());
  }

  *[Symbol.iterator](): Iterator<readonly [name: string, value: string]> {
    const flat = this.#flat;
    for (let i = 0; i < flat.length; i += 2) yield [flat[i] as string, flat[i + 1] as string];
  }

  /** For logs: pairs with secrets masked. */
  toJSON(): [string, string][] {
    return [...this].map(([name, value]) => [name, SECRET.has(name.toLowerCase()) ? "PROTECTED" : value]);
  }

  [inspect.custom](): string {
    return `NativeHeaders ${inspect(this.toJSON())}`;
  }
}
