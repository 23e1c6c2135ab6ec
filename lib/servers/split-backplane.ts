import type { Clock } from "../clock/clock.js";
import type { Logger } from "../logger.js";
import type { Backplane, BackplaneEntry, BackplaneListener } from "./backplane.js";
import { LogFollower, type MissedReason } from "./log-follower.js";
import type { Position } from "./position.js";

/** Marks what is ours on a backplane that others may use as well; then the version of what follows. */
const MARK = [0x45, 0x53] as const;
const VERSION = 1;
const HEAD_LENGTH = 4;

/** The roads that share a backplane, by the byte that says whose an entry is. */
const ROADS = { publications: 1, registry: 2 } as const;
type Road = keyof typeof ROADS;

/** How long who subscribes waits for the backplane when a server starts, in ms: then it is away. */
const PATIENCE = 2_000;

/** Hears what servers publish, and all that concerns the backplane itself. */
export interface PublicationsListener {
  take(entry: BackplaneEntry, isOld: boolean): void | Promise<void>;
  /** An entry of whatever road comes next, which has this place. */
  passes(position: Position): void;
  /** The log was read for the first time, and nobody knows what was before its first entry. */
  begins(first: Position): void;
  missed(reason: MissedReason, next: Position | undefined): void;
  /** Whether something can be published, and is heard. */
  availability(isAvailable: boolean): void;
}

export interface SplitBackplaneOptions {
  readonly backplane: Backplane;
  readonly clock: Clock;
  /** Writes each warning once. */
  readonly logger: Logger;
  /** Whether what the log has is wanted before anything that is live. */
  readonly readsAll: boolean;
  readonly publications: PublicationsListener;
}

/** One backplane for all that servers have to say to each other: what they publish, and what they say of users and sessions. */
export class SplitBackplane {
  readonly #options: SplitBackplaneOptions;
  readonly #follower: LogFollower;
  readonly #links = new Map<number, BackplaneListener>();
  readonly #joined: Promise<void>;
  #joining: Promise<void> | undefined;
  #stopPatience: () => void = () => {};
  #hasJoined = false;
  #holds = 0;
  #isClosed = false;

  constructor(options: SplitBackplaneOptions) {
    const { backplane, clock, logger, publications } = options;
    this.#options = options;
    this.#follower = new LogFollower({
      backplane,
      clock,
      logger,
      take: (entry, position, isOld) => this.#take(entry, position, isOld),
      begins: (first) => publications.begins(first),
      missed: (reason, next) => {
        publications.missed(reason, next);
        for (const link of this.#links.values()) link.lost();
      },
    });
    this.#joined = this.#join();
    this.#joined.catch((error: unknown) => {
      if (!this.#isClosed) logger.error(`The backplane ${backplane.name} cannot be heard`, error);
    });
    this.#joining = new Promise((resolve) => {
      const over = () => {
        this.#stopPatience();
        this.#joining = undefined;
        resolve();
      };
      this.#stopPatience = clock.after(PATIENCE, over);
      this.#joined.then(over, over);
    });
  }

  /** Whether something can be published, and is heard. */
  get isAvailable(): boolean {
    return this.#hasJoined && !this.#isClosed && this.#options.backplane.isAvailable;
  }

  /** Settles when it listens; `undefined` if it does, or has been waited for long enough: it is away. Never rejects. */
  get joining(): Promise<void> | undefined {
    return this.#joining;
  }

  /** Whether entries wait for clients who are behind: nobody is silent then. */
  get isHeld(): boolean {
    return this.#holds > 0;
  }

  /** The position up to which all was heard; empty without a log. */
  get position(): string {
    return this.#follower.position;
  }

  /** Gives one road of it. */
  road(name: Road): Backplane {
    const { backplane } = this.#options;
    const split = this;
    return {
      name: backplane.name,
      sizeLimit: sizeLimitOf(backplane),
      get isAvailable() {
        return split.isAvailable;
      },
      publish: (bytes) => publishOn(backplane, name, bytes),
      async subscribe(listener) {
        split.#links.set(ROADS[name], listener);
        await split.#joined;
      },
      async close() {
        split.#links.delete(ROADS[name]);
      },
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopPatience();
    this.#follower.close();
    await this.#options.backplane.close();
  }

  async #join(): Promise<void> {
    const { backplane, readsAll } = this.#options;
    const follower = this.#follower;
    // The links that are made with it shall hear all.
    await undefined;
    if (this.#isClosed) return;
    let joined: () => void = () => {};
    follower.holdUntil(
      new Promise((resolve) => {
        joined = resolve;
      }),
    );
    try {
      await backplane.subscribe({
        take: (entry) => follower.live(entry),
        lost: () => follower.lost(),
        availability: () => this.#tell(),
      });
      if (readsAll) await follower.readAll();
      await follower.join();
    } finally {
      joined();
    }
    this.#hasJoined = true;
    this.#tell();
  }

  #tell(): void {
    if (!this.#hasJoined || this.#isClosed) return;
    const { isAvailable } = this;
    this.#options.publications.availability(isAvailable);
    for (const link of this.#links.values()) link.availability(isAvailable);
  }

  #take(entry: BackplaneEntry, position: Position | undefined, isOld: boolean): void | Promise<void> {
    const { publications, logger } = this.#options;
    if (this.#isClosed) return;
    if (position) publications.passes(position);
    const { bytes } = entry;
    const road = this.#roadOf(bytes);
    if (road === undefined) return;
    const inner = { position: entry.position, bytes: bytes.subarray(HEAD_LENGTH) };
    try {
      if (road === ROADS.publications) return this.#hold(publications.take(inner, isOld));
      // Old words of servers that may be there no more say nothing.
      if (!isOld) return this.#hold(this.#links.get(road)?.take(inner));
    } catch (error) {
      logger.error(`An entry of the backplane ${this.#options.backplane.name} could not be read`, error);
    }
  }

  #hold(taken: void | Promise<void>): void | Promise<void> {
    if (!taken) return;
    this.#holds++;
    return taken.finally(() => {
      this.#holds--;
    });
  }

  #roadOf(bytes: Uint8Array): number | undefined {
    const [first, second, version, road = 0] = bytes;
    if (first !== MARK[0] || second !== MARK[1]) return this.#warn("Another sender uses");
    if (version !== VERSION) return this.#warn("A server of another version publishes on");
    const isKnown = Object.values<number>(ROADS).includes(road);
    return isKnown ? road : this.#warn("A server of a later release publishes on");
  }

  #warn(text: string): undefined {
    this.#options.logger.warn(`${text} ${this.#options.backplane.name}. It is not heard.`);
  }
}

/** The bytes that an entry of one road may have. */
export function sizeLimitOf({ sizeLimit = Number.MAX_SAFE_INTEGER }: Backplane): number {
  return sizeLimit - HEAD_LENGTH;
}

export function publishOn(backplane: Backplane, road: Road, bytes: Uint8Array): Promise<void> {
  return backplane.publish(Buffer.concat([Buffer.from([...MARK, VERSION, ROADS[road]]), bytes]));
}
