import type { DestinationPattern } from "../../destination/pattern.js";
import type { KeptView } from "../../observe/views.js";
import type { Publication } from "../publication.js";

/** A publication in a history. It stays known when the history has let go of it, so that whoever still counts on it notices. */
export interface Kept {
  readonly number: number;
  /** `undefined` as soon as it is kept no longer. */
  readonly publication: Publication | undefined;
}

/** The destination or user whose messages are asked for, and from where on. */
export interface HistoryQuestion {
  /** A destination, or a pattern of them. */
  readonly pattern: DestinationPattern;
  /** The name of the user whose own destinations are meant; `undefined` for those of everybody. */
  readonly user: string | undefined;
  /** The number of the last message that is not asked for; `first` asks for all that is kept. */
  readonly after: number | "first";
  /** How many messages may be found. */
  readonly limit: number;
}

/** Why a history cannot tell: some of it is kept no longer, or it is more than was asked for. */
export type Unfound = "trimmed" | "limit";

/** All that was published behind a position, oldest first; or why that cannot be told. Never a part. */
export type Found = { readonly kept: readonly Kept[] } | { readonly reason: Unfound };

/** Where messages are kept for those who come back. */
export interface HistoryStore {
  /**
   * Keeps a message, if it is of a destination whose messages are kept.
   *
   * @param user the user whom it is for, if it is not for everybody
   * @param age how long ago it was published, in ms, if that was not now
   * @returns whether it is of such a destination; it may be too large to be kept, which `find` then tells
   */
  keep(publication: Publication, user: string | undefined, age?: number): boolean;
  /**
   * Finds what was published behind a position. A promise only for what was published before this process could keep
   * it: what it has kept itself is found at once.
   */
  find(question: HistoryQuestion): Found | Promise<Found>;
  /** Forgets everything, since something may be missing: what was published up to that number nobody can tell any more. */
  restart(number: number): void;
  /** Tells how much it keeps of each destination; one that keeps it elsewhere tells nothing. */
  views?(kind: KeptView["kind"]): Iterable<KeptView>;
  /** Forgets everything, and ends its timers. */
  close(): void;
}
