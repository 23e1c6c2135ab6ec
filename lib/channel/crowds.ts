import { AsyncResource } from "node:async_hooks";
import type { Reader } from "./patience.js";

/** The sessions that a message to a destination is given to at once. */
export type Receivers = (destination: string) => Iterable<string>;

/** The readers of a destination that are behind, and the messages that wait for them. */
interface Crowd {
  readonly readers: Set<Reader>;
  /** How many senders have fed them and wait. */
  fed: number;
  /** How many messages wait to be handed on. */
  waiting: number;
}

/** A reader that a sender has fed and waits for. */
interface Fed {
  readonly reader: Reader;
  readonly over: Promise<void>;
}

/** A message that waits to be handed on. */
interface Turn {
  readonly destination: string;
  go(): void;
}

const NOBODY: Crowd = { readers: new Set(), fed: 0, waiting: 0 };

/**
 * The readers that senders have fed and wait for. A message of another sender
 * that would reach such a reader waits before it is handed on, whatever its
 * destination: a thousand senders of one message each would fill a reader in one turn.
 */
export class Crowds {
  readonly #crowds = new Map<string, Crowd>();
  /** Readers, by id, that senders have fed and wait for; until when, the last of them. */
  readonly #fed = new Map<string, Fed>();
  readonly #receivers: Receivers;
  /** In the order in which it came, whatever it is for. */
  #turns: Turn[] = [];
  #isLettingGo = false;

  constructor(receivers: Receivers = () => []) {
    this.#receivers = receivers;
  }

  /**
   * Some readers are fed, and waited for until then.
   *
   * @param destination of what they were fed with
   */
  gather(destination: string | undefined, readers: readonly Reader[], over: Promise<void>): void {
    for (const reader of readers) this.#note(reader, over);
    if (destination !== undefined) this.#crowd(destination, readers, over);
  }

  /** Whether a message to this destination has to wait for those before it: then it is to be handed on by `inTurn`. */
  isCrowded(destination: string | undefined): boolean {
    if ((this.#crowds.size === 0 && this.#fed.size === 0) || destination === undefined) return false;
    const { fed, readers } = this.#crowds.get(destination) ?? NOBODY;
    if (fed > 0) return ![...readers].some((reader) => reader.waitsForCaller());
    return this.#fedAt(destination)?.reader.waitsForCaller() === false;
  }

  /** Hands a message on when those have room again who were fed by others, and those before it are handed on. */
  inTurn<T>(destination: string, handOn: () => T | PromiseLike<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const go = AsyncResource.bind(() => {
        try {
          resolve(handOn());
        } catch (error) {
          reject(error as Error);
        }
      });
      const known = this.#crowds.get(destination);
      const crowd = known && known.fed > 0 ? known : this.#joinCrowd(destination);
      if (crowd) {
        crowd.waiting++;
        this.#turns.push({ destination, go });
      } else go();
    });
  }

  #note(reader: Reader, over: Promise<void>): void {
    const fed = { reader, over };
    this.#fed.set(reader.id, fed);
    void over.then(() => {
      if (this.#fed.get(reader.id) === fed) this.#fed.delete(reader.id);
    });
  }

  #crowd(destination: string, readers: readonly Reader[], over: Promise<void>): Crowd {
    const crowd = this.#crowds.get(destination) ?? { readers: new Set(), fed: 0, waiting: 0 };
    this.#crowds.set(destination, crowd);
    for (const reader of readers) crowd.readers.add(reader);
    crowd.fed++;
    void over.then(() => {
      crowd.fed--;
      if (crowd.fed === 0) this.#dissolve(destination, crowd);
    });
    return crowd;
  }

  /** Lets a destination wait for one who was fed by what went elsewhere; `undefined` if it would reach nobody such. */
  #joinCrowd(destination: string): Crowd | undefined {
    const fed = this.#fedAt(destination);
    return fed && this.#crowd(destination, [fed.reader], fed.over);
  }

  /** One who was fed by others and is waited for, if what is sent to a destination would reach it. */
  #fedAt(destination: string): Fed | undefined {
    if (this.#fed.size === 0) return undefined;
    for (const id of this.#receivers(destination)) {
      const fed = this.#fed.get(id);
      if (fed) return fed;
    }
    return undefined;
  }

  #dissolve(destination: string, crowd: Crowd): void {
    crowd.readers.clear();
    if (crowd.waiting === 0) this.#crowds.delete(destination);
    else if (!this.#isLettingGo) {
      this.#isLettingGo = true;
      // Once for all that are over by then.
      queueMicrotask(() => this.#letGo());
    }
  }

  /** One after the other, what reaches nobody who is behind again. */
  #letGo(): void {
    this.#isLettingGo = false;
    const turns = this.#turns;
    const kept: Turn[] = [];
    this.#turns = [];
    for (const turn of turns) {
      const { destination } = turn;
      const crowd = this.#crowds.get(destination);
      if (crowd && (crowd.fed > 0 || this.#joinCrowd(destination))) {
        kept.push(turn);
        continue;
      }
      if (crowd && --crowd.waiting === 0) this.#crowds.delete(destination);
      turn.go();
    }
    this.#turns = [...kept, ...this.#turns];
  }
}
