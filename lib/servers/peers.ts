import type { Greeting } from "./envelope.js";

/** Another server. */
export interface Peer {
  /** It has named us: what it says is no recording. */
  isKnown: boolean;
  silentTicks: number;
  /** How many bytes it can take at once. */
  takes: number;
}

/** Of so many servers we remember how far they have counted. */
const MEMORY = 10_000;

/** The other servers, and what was heard of each. */
export class Peers {
  readonly #peers = new Map<string, Peer>();
  /** The newest number of each server, also of those that went: it stays a recording. */
  readonly #heard = new Map<string, number>();

  get(id: string): Peer | undefined {
    return this.#peers.get(id);
  }

  /** Notes a server that is not known yet. */
  add(id: string): Peer {
    const peer = { isKnown: false, silentTicks: 0, takes: Number.POSITIVE_INFINITY };
    this.#peers.set(id, peer);
    return peer;
  }

  /** Gives whether it was known. */
  remove(id: string): boolean {
    const isKnown = this.#peers.get(id)?.isKnown === true;
    this.#peers.delete(id);
    return isKnown;
  }

  clear(): void {
    this.#peers.clear();
  }

  /** The number of what was heard last. */
  heardOf(id: string): number {
    return this.#heard.get(id) ?? 0;
  }

  remember(id: string, number: number): void {
    this.#heard.delete(id);
    if (this.#heard.size >= MEMORY) this.#heard.delete(this.#heard.keys().next().value as string);
    this.#heard.set(id, number);
  }

  get known(): string[] {
    return [...this.#peers].filter(([, { isKnown }]) => isKnown).map(([id]) => id);
  }

  /** The longest message that all of them can take, in bytes. */
  get takes(): number {
    let least = Number.POSITIVE_INFINITY;
    for (const { takes } of this.#peers.values()) least = Math.min(least, takes);
    return least;
  }

  /** Lets a part of the time pass; gives those that have been silent for too many of them. */
  tick(limit: number): string[] {
    const silent: string[] = [];
    for (const [id, peer] of this.#peers) if (++peer.silentTicks > limit) silent.push(id);
    return silent;
  }

  /** The servers that we hear, and those that we have only seen. */
  named(): Pick<Greeting, "hears" | "sees"> {
    const hears: Record<string, number> = {};
    const sees: string[] = [];
    for (const [id, { isKnown }] of this.#peers) {
      if (isKnown) hears[id] = this.heardOf(id);
      else sees.push(id);
    }
    return { hears, sees };
  }
}
