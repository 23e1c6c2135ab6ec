import { randomBytes } from "node:crypto";
import type { BackplaneEntry, BackplaneLog } from "../index.js";

/** Options of a `BackplaneHub`. */
export interface BackplaneHubOptions {
  /** How many entries its log keeps; 0 is a hub without a log. @default 0 */
  readonly remembers?: number;
  /** The bytes that an entry may have. @default no limit */
  readonly sizeLimit?: number;
}

/** One end of a hub: a backplane. @internal */
export interface HubEnd {
  arrive(entry: BackplaneEntry): void;
}

/**
 * The middle of backplanes in memory: what one of them publishes all of them hear.
 *
 * @example
 * ```ts
 * const hub = new BackplaneHub({ remembers: 1_000 });
 * const [here, there] = [new FaultyBackplane(hub), new FaultyBackplane(hub)];
 * ```
 */
export class BackplaneHub {
  readonly sizeLimit: number | undefined;
  /** Where a hub remembers: what was published before. */
  readonly log: BackplaneLog | undefined;
  readonly #ends = new Set<HubEnd>();
  readonly #remembers: number;
  #entries: BackplaneEntry[] = [];
  #epoch = newEpoch();
  #number = 0;
  /** Whether the log has forgotten something of this epoch. */
  #forgotten = 0;

  constructor({ remembers = 0, sizeLimit }: BackplaneHubOptions = {}) {
    this.#remembers = remembers;
    this.sizeLimit = sizeLimit;
    this.log = remembers > 0 ? { since: (position, limit) => this.#since(position, limit) } : undefined;
  }

  /** The entries of its log, oldest first; none without a log. */
  get entries(): readonly BackplaneEntry[] {
    return [...this.#entries];
  }

  /** Publishes bytes as if a server had: a stranger's, or a recording. */
  publish(bytes: Uint8Array): void {
    const position = this.#remembers > 0 ? `${this.#epoch}-${++this.#number}` : "";
    // A sender may write into its bytes afterwards.
    const entry = { position, bytes: Uint8Array.from(bytes) };
    if (this.#remembers > 0) {
      this.#entries.push(entry);
      if (this.#entries.length > this.#remembers) this.trim(this.#remembers);
    }
    for (const end of this.#ends) end.arrive(entry);
  }

  /** Lets the log forget all but the newest. @default all of them */
  trim(kept = 0): void {
    const gone = Math.max(0, this.#entries.length - kept);
    this.#entries = this.#entries.slice(gone);
    this.#forgotten += gone;
  }

  /** Starts anew with another epoch, its log empty, as a store that came back from an older copy. */
  changeEpoch(): void {
    this.#epoch = newEpoch();
    this.#number = 0;
    this.#entries = [];
    this.#forgotten = 0;
  }

  /** @internal */
  join(end: HubEnd): void {
    this.#ends.add(end);
  }

  /** @internal */
  leave(end: HubEnd): void {
    this.#ends.delete(end);
  }

  async #since(position: string, limit: number) {
    const dash = position.lastIndexOf("-");
    const isOurs = position === "" || position.slice(0, dash) === this.#epoch;
    const after = isOurs && position !== "" ? Number(position.slice(dash + 1)) : 0;
    const behind = this.#entries.slice(Math.max(0, after - this.#forgotten));
    return { entries: behind.slice(0, limit), complete: isOurs && after >= this.#forgotten };
  }
}

function newEpoch(): string {
  return randomBytes(6).toString("hex");
}
