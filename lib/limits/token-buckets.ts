import { createHash } from "node:crypto";

/** Longer keys are kept as their digest: names of users may be of any length. */
const LONGEST_KEY = 64;
/** So many that are full again are forgotten with each frame, so that they go as fast as others come. */
const FORGOTTEN_AT_ONCE = 2;

/** Of a token, what sums of fractions may miss. */
const ROUNDING = 1 / 1_000;

/** The allowance of one payer. */
interface Bucket {
  /** Those that it had at a time by the clock; below 0 those that were taken in advance. */
  tokens: number;
  at: number;
  /** Until when its being empty was told. */
  toldUntil: number;
}

export interface TokenBucketsOptions {
  /** Tokens of a full bucket, and ms in which an empty one is full again. */
  readonly limit: number;
  readonly window: number;
  /** Buckets that are kept. Beyond, the one that was used longest ago is forgotten, as if it were full. */
  readonly bound: number;
}

/** Token buckets by their payers. One that is full is as none. */
export class TokenBuckets {
  readonly #limit: number;
  readonly #window: number;
  readonly #bound: number;
  /** The one that was used longest ago stands first. */
  readonly #buckets = new Map<string, Bucket>();

  constructor({ limit, window, bound }: TokenBucketsOptions) {
    this.#limit = limit;
    this.#window = window;
    this.#bound = bound;
  }

  /** How many are kept. */
  get size(): number {
    return this.#buckets.size;
  }

  /** Ms until a payer has a token; 0 if there is one. */
  delay(payer: string, now: number): number {
    const bucket = this.#buckets.get(keyOf(payer));
    const missing = bucket ? 1 - this.#tokens(bucket, now) : 0;
    return missing > ROUNDING ? (missing * this.#window) / this.#limit : 0;
  }

  /** Takes a token, one that has yet to come back too. */
  take(payer: string, now: number): void {
    const bucket = this.#use(payer, now);
    bucket.tokens = this.#tokens(bucket, now) - 1;
    bucket.at = now;
  }

  /** Whether it is to be told that a bucket is empty: once in each window. */
  tell(payer: string, now: number): boolean {
    const bucket = this.#use(payer, now);
    if (now < bucket.toldUntil) return false;

    bucket.toldUntil = now + this.#window;
    return true;
  }

  #tokens({ tokens, at }: Bucket, now: number): number {
    return Math.min(this.#limit, tokens + ((now - at) * this.#limit) / this.#window);
  }

  #use(payer: string, now: number): Bucket {
    const key = keyOf(payer);
    const bucket = this.#buckets.get(key) ?? { tokens: this.#limit, at: now, toldUntil: now };
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    this.#forget(now);
    return bucket;
  }

  /** Forgets some that are as good as new, and what is too many; not the newest, which is in use. */
  #forget(now: number): void {
    let looks = FORGOTTEN_AT_ONCE;
    for (const [key, bucket] of this.#buckets) {
      const isFull = this.#tokens(bucket, now) === this.#limit && bucket.toldUntil <= now;
      const isOld = isFull && looks > 0 && this.#buckets.size > 1;
      if (!isOld && this.#buckets.size <= this.#bound) return;
      this.#buckets.delete(key);
      looks--;
    }
  }
}

function keyOf(payer: string): string {
  return payer.length <= LONGEST_KEY ? payer : `\0${createHash("sha256").update(payer).digest("base64")}`;
}
