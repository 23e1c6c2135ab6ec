import { setImmediate as nextTurn } from "node:timers";
import {
  type Backplane,
  type BackplaneEntry,
  type BackplaneListener,
  BrokerNotAvailableError,
} from "../index.js";
import type { BackplaneHub } from "./backplane-hub.js";

/**
 * A backplane in memory, for servers of one process: give each its own, on one hub. It works until it is told not to.
 *
 * @example
 * ```ts
 * const hub = new BackplaneHub();
 * const here = new FaultyBackplane(hub); // for simpleBroker({ backplane: here, trusted: true })
 * const there = new FaultyBackplane(hub);
 * there.lose(1); // the next that comes to the other server is gone, and nobody is told
 * ```
 */
export class FaultyBackplane implements Backplane {
  readonly name: string;
  readonly sizeLimit?: number;
  readonly log?: NonNullable<Backplane["log"]>;
  readonly #hub: BackplaneHub;
  readonly #inbox: BackplaneEntry[] = [];
  /** Publications that wait while it is stalled. */
  #outbox: (() => void)[] = [];
  #listener: BackplaneListener | undefined;
  #subscribed: (() => void) | undefined;
  #isAway = false;
  #isStalled = false;
  #isClosed = false;
  #isPumping = false;
  #hasMissed = false;
  #toLose = 0;
  #toRepeat = 0;
  #toRefuse = 0;
  #toDoubt = 0;
  #held: BackplaneEntry[] | undefined;
  #toHold = 0;
  #logFailures = 0;

  /** @param name as logs name it */
  constructor(hub: BackplaneHub, name = "in memory") {
    this.#hub = hub;
    this.name = name;
    if (hub.sizeLimit !== undefined) this.sizeLimit = hub.sizeLimit;
    const { log } = hub;
    if (!log) return;
    this.log = {
      since: async (position, limit) => {
        if (this.#isAway || this.#logFailures > 0) {
          this.#logFailures = Math.max(0, this.#logFailures - 1);
          throw new Error("The hub does not answer");
        }
        return log.since(position, limit);
      },
    };
  }

  get isAvailable(): boolean {
    return !this.#isAway && !this.#isClosed;
  }

  async publish(bytes: Uint8Array): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const publish = () => {
        if (!this.isAvailable || this.#toRefuse > 0) {
          this.#toRefuse = Math.max(0, this.#toRefuse - 1);
          reject(new BrokerNotAvailableError("The hub is away"));
          return;
        }
        this.#hub.publish(bytes);
        if (this.#toDoubt === 0) resolve();
        else {
          this.#toDoubt--;
          reject(new BrokerNotAvailableError("The hub did not answer"));
        }
      };
      if (this.#isStalled) this.#outbox.push(publish);
      else publish();
    });
  }

  async subscribe(listener: BackplaneListener): Promise<void> {
    if (this.#isAway) {
      await new Promise<void>((resolve) => {
        this.#subscribed = resolve;
      });
    }
    this.#listener = listener;
    this.#hub.join(this);
    listener.availability(this.isAvailable);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#hub.leave(this);
    this.#inbox.length = 0;
  }

  /** Is away until `back`: it publishes and hears nothing, and says so. */
  away(): void {
    if (this.#isAway) return;
    this.#isAway = true;
    this.#listener?.availability(false);
  }

  /** Is there again. What was published meanwhile was not heard, and it says so, if there was something. */
  back(): void {
    if (!this.#isAway) return;
    this.#isAway = false;
    this.#subscribed?.();
    this.#subscribed = undefined;
    if (this.#hasMissed) this.#listener?.lost();
    this.#hasMissed = false;
    this.#listener?.availability(true);
  }

  /** Lets nothing pass, either way, and tells nobody, until `resume`. */
  stall(): void {
    this.#isStalled = true;
  }

  /** Lets pass again what was stalled, all of it and in order. */
  resume(): void {
    this.#isStalled = false;
    for (const publish of this.#outbox.splice(0)) publish();
    this.#pump();
  }

  /** Loses the next entries that come, and tells nobody. */
  lose(count: number): void {
    this.#toLose = count;
  }

  /** Says that something may be missing, as a driver that has noticed. */
  tellLost(): void {
    this.#listener?.lost();
  }

  /** Gives the next entries twice. */
  repeat(count: number): void {
    this.#toRepeat = count;
  }

  /** Holds the next entries back, and gives them in the reverse order when there are so many. */
  reverse(count: number): void {
    this.#toHold = count;
    this.#held = [];
  }

  /** Rejects the next publications: nobody hears them. */
  refuse(count: number): void {
    this.#toRefuse = count;
  }

  /** Rejects the next publications, and they are heard all the same. */
  doubt(count: number): void {
    this.#toDoubt = count;
  }

  /** Lets the next questions to the log fail. */
  failLog(count: number): void {
    this.#logFailures = count;
  }

  /** @internal */
  arrive(entry: BackplaneEntry): void {
    if (this.#isAway) this.#hasMissed = true;
    else if (this.#toLose > 0) this.#toLose--;
    else if (this.#held) this.#hold(entry, this.#held);
    else this.#receive(entry);
  }

  #hold(entry: BackplaneEntry, held: BackplaneEntry[]): void {
    held.unshift(entry);
    if (held.length < this.#toHold) return;
    this.#held = undefined;
    for (const each of held) this.#receive(each);
  }

  #receive(entry: BackplaneEntry): void {
    this.#inbox.push(entry);
    if (this.#toRepeat > 0) {
      this.#toRepeat--;
      this.#inbox.push(entry);
    }
    this.#pump();
  }

  /** Gives one entry after the other, never within the call that published it. */
  #pump(): void {
    if (this.#isPumping || this.#isClosed || this.#inbox.length === 0) return;
    this.#isPumping = true;
    nextTurn(() => void this.#giveAll());
  }

  async #giveAll(): Promise<void> {
    while (!this.#isStalled && !this.#isAway && !this.#isClosed) {
      const entry = this.#inbox.shift();
      if (!entry) break;
      const taken = this.#listener?.take(entry);
      if (taken) await taken;
    }
    // Entries that had come before it went away were not heard, either.
    if (this.#isAway && this.#inbox.splice(0).length > 0) this.#hasMissed = true;
    this.#isPumping = false;
    if (!this.#isStalled) this.#pump();
  }
}
