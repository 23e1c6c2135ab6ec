import { Gathered } from "../driver/gathered.js";
import { answered } from "../driver/patience.js";
import type { Backplane, BackplaneEntry, BackplaneListener } from "../index.js";
import { type Line, type PackedEntry, pack, type ToHub, type ToWorker, unpack } from "./words.js";

/** The primary is asked for a sign of life that often, in ms. */
const PING = 2_000;
/** So many questions without an answer, and the primary is away. */
const UNANSWERED = 3;
/** After so many entries or bytes the primary is told that they were taken. */
const TOLD_LENGTH = 64;
const TOLD_SIZE = 1024 * 1024;

type Page = ToWorker & { readonly kind: "page" };
type Given = ToWorker & { readonly kind: "entries" };

interface Publishing {
  readonly bytes: Uint8Array;
}

interface Waiting {
  /** A publication is answered by nothing. */
  resolve(page?: Page): void;
  reject(error: Error): void;
}

/** A backplane over a line to a hub, which stands in the process that started this one. */
export class WorkerBackplane implements Backplane {
  readonly name: string;
  readonly log = {
    since: (position: string, limit: number) => this.#since(position, limit),
  };
  readonly #line: Line<ToHub, ToWorker>;
  readonly #waiting = new Map<number, Waiting>();
  readonly #sayings = new Set<Promise<unknown>>();
  readonly #gathered = new Gathered<Publishing, undefined>((publications) => this.#publish(publications));
  #listener: BackplaneListener | undefined;
  #welcomed: () => void = () => {};
  #closed: () => void = () => {};
  #stops: (() => void)[] = [];
  #asked = 0;
  #epoch = "";
  #knowsBytes = false;
  #isAvailable = false;
  #unanswered = 0;
  readonly #given: Given[] = [];
  #isTaking = false;
  /** Entries and bytes that were taken since the primary was told. */
  readonly #untold = { length: 0, size: 0 };

  constructor(line: Line<ToHub, ToWorker>, name = "express-stomp") {
    this.#line = line;
    this.name = name;
  }

  get isAvailable(): boolean {
    return this.#isAvailable;
  }

  async subscribe(listener: BackplaneListener): Promise<void> {
    this.#listener = listener;
    const ticking = setInterval(() => this.#tick(), PING).unref();
    this.#stops = [
      this.#line.listen((name, word) => {
        if (name === this.name) this.#hear(word);
      }),
      () => clearInterval(ticking),
    ];
    this.#line.onEnd(() => this.#end("The primary process has gone"));
    const welcome = new Promise<void>((resolve) => {
      this.#welcomed = resolve;
    });
    const closed = new Promise<void>((resolve) => {
      this.#closed = resolve;
    });
    this.#line.post(this.name, { kind: "hello", probe: new Uint8Array(1) });
    try {
      await Promise.race([answered(welcome), closed]);
    } catch {
      this.#end("Nobody serves the backplane");
      throw new Error(
        `The process that started this one does not answer: it calls backplanePrimary() before it starts workers, and connect(worker) for those that are not of node:cluster`,
      );
    }
    if (this.#stops.length === 0) throw new Error("The backplane was closed");
  }

  async publish(bytes: Uint8Array): Promise<void> {
    await this.#gathered.add({ bytes });
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#sayings);
    this.#line.post(this.name, { kind: "bye" });
    this.#end("The backplane was closed");
    this.#closed();
  }

  #end(reason: string): void {
    for (const stop of this.#stops.splice(0)) stop();
    for (const { reject } of this.#waiting.values()) reject(new Error(reason));
    this.#waiting.clear();
    this.#given.length = 0;
    this.#setAvailable(false);
  }

  #hear(word: ToWorker): void {
    this.#unanswered = 0;
    switch (word.kind) {
      case "welcome":
        this.#epoch = word.epoch;
        this.#knowsBytes = word.knowsBytes;
        this.#setAvailable(true);
        this.#welcomed();
        break;
      case "entries":
        this.#published(word.published);
        this.#given.push(word);
        if (!this.#isTaking) void this.#take();
        break;
      case "published":
        this.#published(word.ids);
        break;
      case "page":
        this.#waiting.get(word.id)?.resolve(word);
        break;
      case "pong":
        // Nothing was lost meanwhile: the primary kept it.
        this.#setAvailable(true);
        break;
    }
  }

  #published(ids: readonly number[]): void {
    for (const id of ids) this.#waiting.get(id)?.resolve();
  }

  #tick(): void {
    if (this.#unanswered++ >= UNANSWERED) this.#setAvailable(false);
    this.#line.post(this.name, { kind: "ping" });
  }

  #setAvailable(isAvailable: boolean): void {
    if (this.#isAvailable === isAvailable) return;
    this.#isAvailable = isAvailable;
    this.#listener?.availability(isAvailable);
  }

  async #take(): Promise<void> {
    this.#isTaking = true;
    for (let given = this.#given.shift(); given; given = this.#given.shift()) {
      if (given.lost) this.#listener?.lost();
      for (const packed of given.entries) {
        // Closed meanwhile.
        if (this.#stops.length === 0) break;
        const entry = this.#unpacked(packed);
        const taken = this.#listener?.take(entry);
        if (taken) await taken;
        this.#tell(packed[0], entry.bytes.length);
      }
    }
    this.#isTaking = false;
  }

  /** Tells the primary now and then what was taken, so that more is given. */
  #tell(number: number, size: number): void {
    this.#untold.length++;
    this.#untold.size += size;
    if (this.#untold.length < TOLD_LENGTH && this.#untold.size < TOLD_SIZE) return;
    this.#untold.length = this.#untold.size = 0;
    this.#line.post(this.name, { kind: "took", number });
  }

  async #since(
    position: string,
    limit: number,
  ): Promise<{ readonly entries: readonly BackplaneEntry[]; readonly complete: boolean }> {
    const page = await this.#ask((id) => ({ kind: "since", id, position, limit }));
    const { entries, complete } = page as Page;
    return { entries: entries.map((packed) => this.#unpacked(packed)), complete };
  }

  #unpacked([number, bytes]: PackedEntry): BackplaneEntry {
    return { position: `${this.#epoch}-${number}`, bytes: unpack(bytes) };
  }

  async #publish(gathered: Promise<readonly Publishing[]>): Promise<readonly undefined[]> {
    await this.#ask(async (id) => {
      const all = (await gathered).map(({ bytes }) => pack(bytes, this.#knowsBytes));
      return { kind: "publish", id, all };
    });
    return [];
  }

  async #ask(word: (id: number) => ToHub | Promise<ToHub>): Promise<Page | undefined> {
    if (!this.#isAvailable) throw new Error("The primary process cannot be reached");
    const id = ++this.#asked;
    const answer = answered(
      new Promise<Page | undefined>((resolve, reject) => {
        this.#waiting.set(id, { resolve, reject });
      }),
    );
    this.#sayings.add(answer);
    try {
      this.#line.post(this.name, await word(id));
      return await answer;
    } finally {
      this.#sayings.delete(answer);
      this.#waiting.delete(id);
    }
  }
}
