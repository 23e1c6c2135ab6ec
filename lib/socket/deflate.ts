import { constants, deflateRaw, deflateRawSync } from "node:zlib";
import { bytesOf, join, type Octets, octetsOf } from "../message/octets.js";

/** The window that messages to clients are compressed with, as a power of two: 4 KiB. Every handshake agrees on it. */
export const WINDOW_BITS = 12;

/** Bytes of a message from which on it is compressed. */
export const THRESHOLD = 1024;

export const ZLIB_OPTIONS = { level: 3, memLevel: 5 } as const;

const OPTIONS = { ...ZLIB_OPTIONS, windowBits: WINDOW_BITS, finishFlush: constants.Z_SYNC_FLUSH };

/** To compress less costs more than it saves: the compressor itself has to be made each time. */
const SHORT = 512;

/** Longer parts are compressed beside the event loop: so much takes it half a millisecond. */
const LONG = 64 * 1024;

/** As many as node has threads for, by default: more would hold memory and wait. */
const AT_ONCE = 4;

/** The last bytes of a message, which are not sent (RFC 7692, 7.2.1). */
const FLUSH_LENGTH = 4;

let underWay = 0;
const waiting: (() => void)[] = [];

/**
 * A part of messages that are compressed, and what it is compressed to, made
 * once for all that it stands in. Its blocks refer to nothing before them and end
 * with a whole byte (RFC 1951, 3.2.4), so parts make a message as they stand one behind the other.
 */
export class DeflatedPart {
  readonly #octets: Octets;
  /** `null` when zlib failed. */
  #deflated: Octets | null | undefined;
  #listeners: (() => void)[] | undefined;

  constructor(octets: Octets) {
    this.#octets = octets;
  }

  /** `undefined` as long as it is being made, `null` when that failed. */
  get deflated(): Octets | null | undefined {
    if (this.#deflated === undefined && this.#listeners === undefined) this.#deflate();
    return this.#deflated;
  }

  /** Calls once there is something to be had; at once if there is. */
  whenDeflated(then: () => void): void {
    if (this.deflated === undefined) this.#listeners?.push(then);
    else then();
  }

  #deflate(): void {
    if (this.#octets.length <= LONG) {
      this.#deflated = octetsOf(deflateRawSync(bytesOf(this.#octets), OPTIONS));
      return;
    }
    this.#listeners = [];
    const begin = () =>
      deflateRaw(bytesOf(this.#octets), OPTIONS, (error, bytes) => this.#made(error, bytes));
    if (underWay === AT_ONCE) waiting.push(begin);
    else {
      underWay++;
      begin();
    }
  }

  #made(error: Error | null, bytes: Uint8Array): void {
    const next = waiting.shift();
    if (next) next();
    else underWay--;
    this.#deflated = error ? null : octetsOf(bytes);
    for (const told of this.#listeners?.splice(0) ?? []) told();
  }
}

/** Octets as they are, in blocks that are not compressed, if they are few: they cost five bytes more. */
export function storedOrDeflated(octets: Octets): Octets {
  const { length } = octets;
  if (length === 0) return octets;
  if (length > SHORT) return octetsOf(deflateRawSync(bytesOf(octets), OPTIONS));
  const counted = [0, length & 255, length >> 8, ~length & 255, (~length >> 8) & 255];
  return join(String.fromCharCode(...counted) as Octets, octets);
}

/** The last part of a message, without what is not sent of it. */
export function withoutFlush(deflated: Octets): Octets {
  return deflated.slice(0, -FLUSH_LENGTH) as Octets;
}
