import type { SharedMessage } from "../socket/shared-message.js";

/** Bytes in the socket at which frames begin to wait here: enough to keep the line busy. */
const SOCKET_SHARE = 64 * 1024;

interface Waiting {
  readonly message: SharedMessage;
  readonly droppable: boolean;
  /** A newer frame of the same makes it stale. */
  readonly subject: string | undefined;
}

/** A frame that may be dropped for newer ones, by its subject if it has one. */
export type Droppable = boolean | { readonly subject: string };

export interface SendQueueOptions {
  /** Bytes that may wait, in the socket and here. */
  readonly limit: number;
  /** How many wait in the socket. */
  buffered(): number;
  /** Gives a message to the socket. */
  give(message: SharedMessage): void;
  /** Told of each frame that was dropped; `first` when none was since nothing waited. */
  dropped(first: boolean): void;
}

/**
 * Stands in front of a socket when frames may be dropped: the socket, which
 * takes nothing back, is given little at a time; the rest waits here. Whole
 * frames are dropped, the oldest first, and none that must arrive. Where frames
 * have subjects those go first that a newer one of the same makes stale: all of
 * them when there is too much, and from then on each as soon as it is stale,
 * until nothing waits.
 */
export class SendQueue {
  readonly #options: SendQueueOptions;
  readonly #share: number;
  readonly #waiting = new Set<Waiting>();
  readonly #droppable = new Set<Waiting>();
  /** The newest frame of each subject. */
  readonly #newest = new Map<string, Waiting>();
  #size = 0;
  #dropping = false;

  constructor(options: SendQueueOptions) {
    this.#options = options;
    this.#share = Math.min(SOCKET_SHARE, options.limit / 2);
  }

  /** Bytes that wait here. */
  get size(): number {
    return this.#size;
  }

  send(message: SharedMessage, mayDrop: Droppable): void {
    const { limit, buffered, give } = this.#options;
    if (this.#waiting.size === 0 && buffered() < this.#share) {
      give(message);
      return;
    }

    const subject = typeof mayDrop === "object" ? mayDrop.subject : undefined;
    const frame = { message, droppable: mayDrop !== false, subject };
    this.#waiting.add(frame);
    if (frame.droppable) this.#droppable.add(frame);
    this.#size += message.length;
    if (subject !== undefined) this.#supersede(subject, frame);
    if (this.#size + buffered() > limit) this.#dropStale();
    for (const oldest of this.#droppable) {
      if (this.#size + buffered() <= limit) break;
      this.#drop(oldest);
    }
  }

  #supersede(subject: string, frame: Waiting): void {
    const stale = this.#newest.get(subject);
    this.#newest.set(subject, frame);
    if (stale && this.#dropping) this.#drop(stale);
  }

  #dropStale(): void {
    // Each has a subject, or none has.
    if (this.#newest.size === 0 || this.#newest.size === this.#droppable.size) return;
    for (const frame of this.#droppable) {
      if (frame.subject !== undefined && this.#newest.get(frame.subject) !== frame) this.#drop(frame);
    }
  }

  #drop(frame: Waiting): void {
    this.#remove(frame);
    this.#options.dropped(!this.#dropping);
    this.#dropping = true;
  }

  /** Gives the socket as much as it should have now. */
  pump(): void {
    const { buffered, give } = this.#options;
    for (const frame of this.#waiting) {
      if (buffered() >= this.#share) return;
      this.#remove(frame);
      give(frame.message);
    }
    this.#dropping = false;
  }

  /** Gives the socket all that waits, because it will be closed behind it. */
  flush(): void {
    for (const frame of this.#waiting) {
      this.#remove(frame);
      this.#options.give(frame.message);
    }
  }

  #remove(frame: Waiting): void {
    this.#waiting.delete(frame);
    this.#droppable.delete(frame);
    const { subject } = frame;
    if (subject !== undefined && this.#newest.get(subject) === frame) this.#newest.delete(subject);
    this.#size -= frame.message.length;
  }
}
