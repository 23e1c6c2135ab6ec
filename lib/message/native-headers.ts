import { inspect } from "node:util";
import type { HeaderNames } from "./header-names.js";

/** Headers whose values must not reach a log or a tool of the staff: names like these, and those that contain such a word. */
const SECRET =
  /^(?:authorization|proxy-authorization|cookie|set-cookie|x-api-key)$|passcode|passw|secret|token|credential/i;

const NO_MARKS: readonly number[] = [];

/** The memory that V8 takes for a text beside its characters, and for an array of marks beside those, in bytes. */
const TEXT_BYTES = 32;
const MARKS_BYTES = 144;

/**
 * The headers a client sent or will be sent: text pairs in their order,
 * repeated names kept. The first of repeated names counts (STOMP 1.2, Repeated
 * Header Entries). Read-only; `with` and `without` give changed copies.
 */
export class NativeHeaders implements Iterable<readonly [name: string, value: string]> {
  static readonly EMPTY = new NativeHeaders([]);

  /** name, value, name, value … : flat, since every message has one. */
  readonly #flat: readonly string[] | undefined;
  readonly #text: string;
  readonly #marks: readonly number[];
  /** Of the text: V8 gives a character two bytes if one of them needs it. */
  readonly #characterBytes: number;

  private constructor(
    flat: readonly string[] | undefined,
    text = "",
    marks: readonly number[] = NO_MARKS,
    characterBytes = 1,
  ) {
    this.#flat = flat;
    this.#text = text;
    this.#marks = marks;
    this.#characterBytes = characterBytes;
  }

  /** Takes over a flat array `[name, value, name, value, …]`, which must not be changed afterwards. */
  static fromFlat(flat: readonly string[]): NativeHeaders {
    return flat.length === 0 ? NativeHeaders.EMPTY : new NativeHeaders(flat);
  }

  /**
   * Takes over a text that holds the headers as they are, in ASCII.
   *
   * @param marks for each where its name begins, where it ends, and where its
   *   value, which begins one behind that, ends
   */
  static fromMarks(text: string, marks: readonly number[]): NativeHeaders {
    return marks.length === 0 ? NativeHeaders.EMPTY : new NativeHeaders(undefined, text, marks);
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

  /** The head of the frame that they were read from, its command's line first, if they are a text that `fromMarks` was given; else `undefined`. */
  get head(): string | undefined {
    // Those that `compact` makes have no command in front, and no escapes.
    return this.#flat === undefined && this.#marks[0] !== 0 ? this.#text : undefined;
  }

  /** Whether all names pass a test, each told as a part of a text: none is cut out for the question. */
  everyName(test: (text: string, from: number, to: number) => boolean): boolean {
    const flat = this.#flat;
    if (flat !== undefined) return flat.every((text, i) => i % 2 === 1 || test(text, 0, text.length));
    const marks = this.#marks;
    for (let at = 0; at < marks.length; at += 3) {
      if (!test(this.#text, marks[at] as number, marks[at + 1] as number)) return false;
    }
    return true;
  }

  /** How many pairs there are, repeated names counted. */
  get size(): number {
    return this.#flat ? this.#flat.length / 2 : this.#marks.length / 3;
  }

  /** About what they take in memory, in bytes. */
  get byteLength(): number {
    const flat = this.#flat;
    if (flat === undefined) return this.#text.length * this.#characterBytes + MARKS_BYTES + 27 * this.size;

    let length = 0;
    for (const text of flat) length += text.length + TEXT_BYTES;
    return length;
  }

  /** The same as a text of their own: what was cut out of a longer one keeps all of that in memory. */
  compact(): NativeHeaders {
    const flat = this.#flat;
    if (flat === undefined || flat.length === 0) return this;

    const marks: number[] = [];
    let at = 0;
    for (let i = 0; i < flat.length; i += 2) {
      const colon = at + (flat[i] as string).length;
      const end = colon + 1 + (flat[i + 1] as string).length;
      marks.push(at, colon, end);
      at = end + 1;
    }
    const text = flat.map((each, i) => each + (i % 2 === 0 ? ":" : "\n")).join("");
    return new NativeHeaders(undefined, text, marks, /[^\0-\xff]/.test(text) ? 2 : 1);
  }

  /** The first value of this name. */
  get(name: string): string | undefined {
    const at = this.#find(name, 0);
    return at < 0 ? undefined : this.#valueAt(at);
  }

  /** All values of this name, in order. */
  getAll(name: string): string[] {
    const values: string[] = [];
    for (let at = this.#find(name, 0); at >= 0; at = this.#find(name, at + 1)) values.push(this.#valueAt(at));
    return values;
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

  /** A copy without any of these names, whatever blanks stand around one; itself when it has none of them. */
  withoutAll(names: HeaderNames): NativeHeaders {
    if (!this.#hasAny(names)) return this;

    return NativeHeaders.fromFlat([...this].filter(([name]) => !names.isIn(name, 0, name.length)).flat());
  }

  *[Symbol.iterator](): Iterator<readonly [name: string, value: string]> {
    for (let at = 0; at < this.size; at++) yield [this.#nameAt(at), this.#valueAt(at)];
  }

  /** For logs and tools: pairs with secrets masked. */
  toJSON(): [string, string][] {
    return [...this].map(([name, value]) => [name, SECRET.test(name) ? "PROTECTED" : value]);
  }

  /** Which pair, from one of them on, has this name; -1 if none has. */
  #find(name: string, from: number): number {
    const flat = this.#flat;
    if (flat !== undefined) {
      for (let at = from; 2 * at < flat.length; at++) if (flat[2 * at] === name) return at;
      return -1;
    }

    const marks = this.#marks;
    for (let at = from; 3 * at < marks.length; at++) {
      const start = marks[3 * at] as number;
      const length = (marks[3 * at + 1] as number) - start;
      if (length === name.length && this.#text.startsWith(name, start)) return at;
    }
    return -1;
  }

  #nameAt(at: number): string {
    if (this.#flat !== undefined) return this.#flat[2 * at] as string;
    return this.#text.slice(this.#marks[3 * at], this.#marks[3 * at + 1]);
  }

  #hasAny(names: HeaderNames): boolean {
    return !this.everyName((text, from, to) => !names.isIn(text, from, to));
  }

  #valueAt(at: number): string {
    if (this.#flat !== undefined) return this.#flat[2 * at + 1] as string;
    return this.#text.slice((this.#marks[3 * at + 1] as number) + 1, this.#marks[3 * at + 2]);
  }

  [inspect.custom](): string {
    return `NativeHeaders ${inspect(this.toJSON())}`;
  }
}
