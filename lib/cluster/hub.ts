import { randomBytes } from "node:crypto";
import type { HubLog, LoggedEntry } from "./hub-log.js";
import { type Line, type PackedEntry, pack, type ToHub, type ToWorker, unpack } from "./words.js";

/** Entries and bytes that are on their way to a worker at most. */
const WINDOW_LENGTH = 256;
const WINDOW_SIZE = 4 * 1024 * 1024;

/** Entries that are given together at most. */
const GATHERED = 32;

/** A worker that listens. */
interface Reader {
  readonly line: Line<ToWorker, ToHub>;
  readonly knowsBytes: boolean;
  /** The entry that it is to be given next. */
  next: number;
  /** The last that it has taken. */
  taken: number;
  /** Bytes that it was given, and has not taken. */
  size: number;
  /** Publications of its own that it is to be told of. */
  published: number[];
}

/** The place where all that one backplane's workers publish is put in one order. It stands in the primary process. */
export class Hub {
  readonly #name: string;
  readonly #log: HubLog;
  /** With each primary the numbers begin anew. */
  readonly #epoch = `${Date.now().toString(36)}${randomBytes(4).toString("hex")}`;
  readonly #readers = new Map<Line<ToWorker, ToHub>, Reader>();
  /** Entries that have come since the last were given. */
  #fresh = 0;

  constructor(name: string, log: HubLog) {
    this.#name = name;
    this.#log = log;
  }

  hear(line: Line<ToWorker, ToHub>, word: ToHub): void {
    switch (word.kind) {
      case "hello":
        this.#welcome(line, word.probe instanceof Uint8Array);
        break;
      case "publish":
        for (const bytes of word.all) this.#log.add(unpack(bytes));
        this.#confirm(line, word.id);
        this.#giveSoon(word.all.length);
        break;
      case "took":
        this.#took(line, word.number);
        break;
      case "since":
        this.#page(line, word);
        break;
      case "ping":
        line.post(this.#name, { kind: "pong" });
        break;
      case "bye":
        this.forget(line);
        break;
    }
  }

  /** Gives nothing more to a worker, which has ended or does not listen any more. */
  forget(line: Line<ToWorker, ToHub>): void {
    this.#readers.delete(line);
  }

  #welcome(line: Line<ToWorker, ToHub>, knowsBytes: boolean): void {
    const { last } = this.#log;
    const isNew = !this.#readers.has(line);
    if (isNew)
      this.#readers.set(line, { line, knowsBytes, next: last + 1, taken: last, size: 0, published: [] });
    line.post(this.#name, { kind: "welcome", epoch: this.#epoch, knowsBytes });
  }

  /** One that listens is told with what it is given next. */
  #confirm(line: Line<ToWorker, ToHub>, id: number): void {
    const reader = this.#readers.get(line);
    if (reader) reader.published.push(id);
    else line.post(this.#name, { kind: "published", ids: [id] });
  }

  #took(line: Line<ToWorker, ToHub>, number: number): void {
    const reader = this.#readers.get(line);
    if (!reader) return;
    // Entries that it was not given are not on their way either, nor those that are kept no longer.
    reader.taken = Math.max(reader.taken, number);
    reader.size = 0;
    for (let each = reader.taken + 1; each < reader.next; each++)
      reader.size += this.#log.get(each)?.bytes.length ?? 0;
    this.#give(reader);
  }

  /** Entries that come in one turn of the event loop are given together, unless they are many. */
  #giveSoon(count: number): void {
    if (this.#fresh === 0) setImmediate(() => this.#giveAll());
    this.#fresh += count;
    if (this.#fresh >= GATHERED) this.#giveAll();
  }

  #giveAll(): void {
    if (this.#fresh === 0) return;
    this.#fresh = 0;
    for (const reader of this.#readers.values()) {
      this.#give(reader);
      // It has no room for more just now.
      if (reader.published.length > 0)
        reader.line.post(this.#name, { kind: "published", ids: reader.published.splice(0) });
    }
  }

  /** Gives a worker what it has room for. A slow one waits for it here, as long as the log does. */
  #give(reader: Reader): void {
    const room = WINDOW_LENGTH - (reader.next - 1 - reader.taken);
    if (room <= 0 || reader.size >= WINDOW_SIZE) return;
    const lost = reader.next < this.#log.first;
    const entries = this.#log.from(reader.next, room, WINDOW_SIZE - reader.size);
    if (entries.length === 0) return;
    if (lost) reader.taken = this.#log.first - 1;
    reader.next = entries.at(-1)!.number + 1;
    for (const { bytes } of entries) reader.size += bytes.length;
    reader.line.post(this.#name, {
      kind: "entries",
      lost,
      entries: packed(entries, reader.knowsBytes),
      published: reader.published.splice(0),
    });
  }

  #page(line: Line<ToWorker, ToHub>, { id, position, limit }: ToHub & { kind: "since" }): void {
    const dash = position.lastIndexOf("-");
    const isPresent = position.slice(0, dash) === this.#epoch;
    const number = isPresent ? Number(position.slice(dash + 1)) : 0;
    const { first, last } = this.#log;
    const complete = (isPresent || position === "") && first <= number + 1 && number <= last;
    const knowsBytes = this.#readers.get(line)?.knowsBytes ?? false;
    const entries = packed(this.#log.from(number + 1, limit, WINDOW_SIZE), knowsBytes);
    line.post(this.#name, { kind: "page", id, entries, complete });
  }
}

function packed(entries: readonly LoggedEntry[], knowsBytes: boolean): PackedEntry[] {
  return entries.map(({ number, bytes }) => [number, pack(bytes, knowsBytes)]);
}
