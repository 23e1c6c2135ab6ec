import { createCipheriv, createDecipheriv, hkdfSync, randomBytes, scryptSync } from "node:crypto";

/** The content of a seal that was opened. */
export interface Opened {
  /** The server that sealed it. */
  readonly from: string;
  /** Its number among all that the server sealed, from 1. */
  readonly sequence: number;
  readonly content: Buffer;
}

/** Of the seal and of the envelope in it. Servers with another one do not hear each other. */
export const VERSION = 1;
/** The first byte where servers trust the road and seal nothing. */
const UNSEALED = 0x81;

const ID_LENGTH = 16;
const SEQUENCE_LENGTH = 8;
const ID_START = 1;
const SEQUENCE_START = ID_START + ID_LENGTH;
const HEAD_LENGTH = SEQUENCE_START + SEQUENCE_LENGTH;
const TAG_LENGTH = 16;
/** Bytes that a seal adds to its content. */
export const SEAL_LENGTH = HEAD_LENGTH + TAG_LENGTH;
/** So many servers' keys are kept; the others' are derived again. */
const KEY_LIMIT = 1024;

/** Makes a key of what all servers know: slowly, since a passcode may be short. */
export function serversKey(secret: string): Buffer {
  return scryptSync(secret, "express-stomp servers", 32);
}

/**
 * Closes what one server says to the others at one destination, so that nobody
 * else can read, write or change it.
 *
 * Every server has a key of its own, derived from the common one and its id,
 * and numbers what it seals: no key ever sees a nonce twice.
 */
export class Seal {
  /** This server's: random, and new with every start. */
  readonly id: string;
  readonly #id = randomBytes(ID_LENGTH);
  readonly #key: Buffer | undefined;
  readonly #purpose: Buffer;
  readonly #own: Buffer | undefined;
  readonly #others = new Map<string, Buffer>();
  #sequence = 0;

  /**
   * @param key without one nothing is sealed, and whoever can write there is believed
   * @param purpose a seal for one purpose is not opened for another
   */
  constructor(key: Buffer | undefined, purpose: string) {
    this.#key = key;
    this.#purpose = Buffer.from(purpose);
    this.#own = key && keyOf(key, this.#id, this.#purpose);
    this.id = this.#id.toString("hex");
  }

  /** The number of what is closed next. */
  get next(): number {
    return this.#sequence + 1;
  }

  /** Leaves a number out, so that the others notice that something is missing. */
  skipNumber(): void {
    this.#sequence++;
  }

  close(content: Uint8Array): Buffer {
    const head = Buffer.alloc(HEAD_LENGTH);
    head[0] = this.#own ? VERSION : UNSEALED;
    this.#id.copy(head, ID_START);
    head.writeBigUInt64BE(BigInt(++this.#sequence), SEQUENCE_START);
    if (!this.#own) return Buffer.concat([head, content]);
    const cipher = createCipheriv("aes-256-gcm", this.#own, nonceOf(head)).setAAD(head);
    return Buffer.concat([head, cipher.update(content), cipher.final(), cipher.getAuthTag()]);
  }

  /** The reason why bytes cannot be opened, as the log says it of a server. */
  faultOf(sealed: Uint8Array): string {
    if (sealed[0] === VERSION) return this.#key ? "with another secret" : "with a secret";
    return sealed[0] === UNSEALED && this.#key ? "without a secret" : "of another version";
  }

  /** Gives `undefined` for bytes that no server with our key and of our version has sealed. */
  open(sealed: Uint8Array): Opened | undefined {
    if (!this.#key) return openUnsealed(sealed);
    if (sealed.length < SEAL_LENGTH || sealed[0] !== VERSION) return undefined;

    const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
    const head = bytes.subarray(0, HEAD_LENGTH);
    const id = head.subarray(ID_START, SEQUENCE_START);
    const from = id.toString("hex");
    const key = this.#others.get(from) ?? keyOf(this.#key, id, this.#purpose);
    const decipher = createDecipheriv("aes-256-gcm", key, nonceOf(head), { authTagLength: TAG_LENGTH });
    decipher.setAAD(head).setAuthTag(bytes.subarray(-TAG_LENGTH));
    const content = decipher.update(bytes.subarray(HEAD_LENGTH, -TAG_LENGTH));
    try {
      decipher.final();
    } catch {
      return undefined;
    }
    // Only now it is certain that there is such a server.
    if (this.#others.size >= KEY_LIMIT) this.#others.clear();
    this.#others.set(from, key);
    return { from, sequence: Number(head.readBigUInt64BE(SEQUENCE_START)), content };
  }
}

function openUnsealed(bytes: Uint8Array): Opened | undefined {
  if (bytes.length < HEAD_LENGTH || bytes[0] !== UNSEALED) return undefined;
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    from: all.toString("hex", ID_START, SEQUENCE_START),
    sequence: Number(all.readBigUInt64BE(SEQUENCE_START)),
    content: all.subarray(HEAD_LENGTH),
  };
}

function keyOf(key: Buffer, id: Buffer, purpose: Buffer): Buffer {
  return Buffer.from(hkdfSync("sha256", key, id, purpose, 32));
}

function nonceOf(head: Buffer): Buffer {
  const nonce = Buffer.alloc(12);
  head.copy(nonce, 4, SEQUENCE_START, HEAD_LENGTH);
  return nonce;
}
