import type { Clock } from "../clock/clock.js";
import type { DestinationSeparator } from "../destination/pattern.js";
import { overlaps } from "../destination/reach.js";
import type { Principal } from "../message/message.js";
import { type Reading, readingOf } from "../security/reading.js";
import { LONGEST_WAIT, type RateLimit, type RateLimitedCommand } from "./rate-limit-options.js";
import { TokenBuckets } from "./token-buckets.js";

/** Buckets of all rate limits together, each of which may have an equal part: some 20 MiB. */
const BUCKETS = 100_000;

/** A frame with a destination, as a client has written it, and its session. */
export interface CountedFrame {
  readonly command: RateLimitedCommand;
  readonly destination: string;
  readonly sessionId: string;
  readonly user: Principal | undefined;
  readonly address: string;
  /** Nothing of its session waits any more. */
  readonly hurries: boolean;
}

/** A frame is beyond a rate limit. */
export interface Excess {
  /** The name of the rate limit: `rateLimits[0]`. */
  readonly limit: string;
  readonly beyond: RateLimit["beyond"];
  /** Ms until it would be within. */
  readonly delay: number;
  /** For its client. */
  readonly text: string;
  /** Whether it is to be told: once in each window. */
  readonly isFirst: boolean;
}

export interface RateLimitsOptions {
  readonly limits: readonly RateLimit[];
  readonly clock: Clock;
  readonly separator: DestinationSeparator;
  /** Whether the broker reads destinations as we do; it is made later. */
  arePlain(): boolean;
}

interface Counted {
  readonly limit: RateLimit;
  readonly buckets: TokenBuckets;
}

/** How often clients may send and subscribe: an allowance for each payer of each rate limit, in token buckets. */
export class RateLimits {
  readonly #limits: readonly Counted[];
  readonly #options: RateLimitsOptions;
  #reading: Reading | undefined;

  constructor(options: RateLimitsOptions) {
    const { limits } = options;
    const bound = Math.floor(BUCKETS / limits.length);
    this.#options = options;
    this.#limits = limits.map((limit) => ({
      limit,
      buckets: new TokenBuckets({ ...limit, bound }),
    }));
  }

  /**
   * Counts a frame. Gives the first limit that it passes, by which it is counted by none; of those that let it wait,
   * the one for which it waits longest, and then it counts. `undefined`: it may pass.
   */
  judge(frame: CountedFrame): Excess | undefined {
    const now = this.#options.clock.now();
    const counted: Counted[] = [];
    let longest: { readonly each: Counted; readonly delay: number } | undefined;
    for (const each of this.#limits) {
      const { limit, buckets } = each;
      if (!this.#isFor(limit, frame)) continue;
      // Frames before it went earlier than they were to: by their tokens this one would wait too long.
      if (frame.hurries && limit.beyond === "wait") continue;

      const delay = buckets.delay(payerOf(limit, frame), now);
      if (delay > 0) {
        const isTooLong = limit.beyond === "wait" && delay > LONGEST_WAIT;
        if (limit.beyond !== "wait" || isTooLong) return this.#excess(each, frame, { now, delay, isTooLong });
        if (!longest || delay > longest.delay) longest = { each, delay };
      }
      counted.push(each);
    }
    for (const { limit, buckets } of counted) buckets.take(payerOf(limit, frame), now);
    // Only now: each limit is told once in a window, and what another one decides is not told of it.
    return longest && this.#excess(longest.each, frame, { now, delay: longest.delay });
  }

  #isFor({ command, patterns }: RateLimit, frame: CountedFrame): boolean {
    if (command !== frame.command) return false;
    if (!patterns) return true;

    this.#reading ??= readingOf(this.#options.arePlain() ? "simple" : "relay", this.#options.separator);
    const { destination } = frame;
    const reach = this.#reading(command === "SEND" ? "MESSAGE" : command, destination);
    return patterns.some((pattern) => (reach ? overlaps(pattern, reach) : pattern.fits(destination)));
  }

  #excess(
    { limit, buckets }: Counted,
    frame: CountedFrame,
    { now, delay, isTooLong = false }: { now: number; delay: number; isTooLong?: boolean },
  ): Excess {
    return {
      limit: limit.name,
      beyond: isTooLong ? "end" : limit.beyond,
      delay: Math.ceil(delay),
      text: `More than ${limit.limit} ${limit.command} in ${limit.window} ms`,
      isFirst: buckets.tell(payerOf(limit, frame), now),
    };
  }
}

/** No name of a user looks like a session without one. */
function payerOf({ per }: RateLimit, { user, sessionId, address }: CountedFrame): string {
  if (per === "address") return address;
  return per === "user" && user ? `user ${user.name}` : `session ${sessionId}`;
}
