import { type Clock, systemClock } from "../clock/clock.js";
import { BrokerNotAvailableError, MessageDeliveryError } from "../errors.js";
import type { Logger } from "../logger.js";
import type { ServersStats } from "../observe/stats.js";
import type { Backplane } from "./backplane.js";
import { decodeEnvelope, type Envelope, encodeEnvelope, type Greeting, type Said } from "./envelope.js";
import { Held } from "./held.js";
import { Introduction } from "./introduction.js";
import { onceLogger } from "./once-logger.js";
import { type Peer, Peers } from "./peers.js";
import { type Opened, SEAL_LENGTH, Seal } from "./seal.js";

/** Hears the other servers of a link. */
export interface LinkListener<T> {
  /**
   * One of the servers we know said something: each thing once, in its order. Gives what to wait for before the next;
   * it never rejects.
   */
  take(from: string, said: Said<T>): void | Promise<void>;
  /** A server is there: told when we get to know it, and with each of its signs of life. */
  alive?(from: string): void;
  /** Something that this server said was lost on the way. */
  missed?(from: string): void;
  /** A server said goodbye, or nothing for too long. */
  left?(from: string): void;
}

export interface ServerLinkOptions {
  readonly backplane: Backplane;
  /** As `serversKey` makes it. Without one nothing is sealed. */
  readonly key: Buffer | undefined;
  /** Tells what is said on this road from what is said on others, with the same key. Default: the backplane's name. */
  readonly purpose?: string | undefined;
  /** How long a server may be silent until it counts as gone, in ms. */
  readonly expiration: number;
  readonly logger: Logger;
  /** Whether what others say is held up here, so that nobody counts as silent. Default: it never is. */
  isHeld?(): boolean;
  /** Default: the process's. */
  readonly clock?: Clock | undefined;
}

const NOTHING = new Uint8Array(0);
/** JSON, in which greetings say it, knows no infinity. */
const NO_LIMIT = Number.MAX_SAFE_INTEGER;
const TICKS_TO_EXPIRE = 20;
const TICKS_TO_LIVE_SIGN = 10;
const GREETING_DELAY = 50;

/**
 * Joins the servers on one backplane: what one says is heard by all others,
 * once, and nobody else can say or hear anything there.
 *
 * A server is listened to when it has named us in a greeting. Our id is
 * random and new, so that cannot be a recording; and what follows counts on
 * from there, so a recording is recognised by its number. So a server greets
 * before it says anything, whenever it was away, and says the rest when the
 * others have answered that they hear it.
 */
export class ServerLink<T> {
  readonly #options: ServerLinkOptions;
  readonly #listener: LinkListener<T>;
  readonly #clock: Clock;
  readonly #seal: Seal;
  readonly #peers = new Peers();
  readonly #introduction: Introduction;
  readonly #held: Held;
  readonly #stopClock: () => void;
  readonly #log: Logger;
  #stopGreeting: (() => void) | undefined;
  #ticks = 0;
  #tickedAt: number;
  #closed = false;
  /** The backplane does not let us listen. */
  #deaf = false;
  #missed = 0;

  constructor(options: ServerLinkOptions, listener: LinkListener<T>) {
    const { backplane, key, expiration, logger, clock = systemClock } = options;
    this.#options = options;
    this.#log = onceLogger(logger);
    this.#listener = listener;
    this.#clock = clock;
    this.#seal = new Seal(key, options.purpose ?? backplane.name);
    this.#introduction = new Introduction({
      clock,
      greet: () => this.#greet(),
      over: () => this.#held.release(),
    });
    this.#held = new Held(clock);
    this.#tickedAt = clock.now();
    this.#stopClock = clock.every(expiration / TICKS_TO_EXPIRE, () => this.#tick());
    backplane
      .subscribe({
        take: ({ bytes }) => this.#receive(bytes),
        lost: () => this.#lost(),
        availability: (isAvailable) => this.#available(isAvailable),
      })
      .catch((error: unknown) => {
        if (this.#closed) return;
        this.#deaf = true;
        this.#held.refuse("The other servers cannot be heard");
        logger.error(`The other servers cannot be heard at ${backplane.name}`, error);
      });
  }

  get stats(): ServersStats {
    return { known: this.#peers.known.length, missed: this.#missed };
  }

  /** This server, as the others know it. */
  get id(): string {
    return this.#seal.id;
  }

  /** How many bytes of content and payload all servers can take at once. */
  get sizeLimit(): number {
    return Math.min(this.#ownLimit, this.#peers.takes) - SEAL_LENGTH;
  }

  get #ownLimit(): number {
    return this.#options.backplane.sizeLimit ?? NO_LIMIT;
  }

  /**
   * Says something to all other servers. Resolves when they will hear it; what is said while
   * they are greeted waits for that.
   *
   * @throws MessageDeliveryError, at once, when it is longer than the others take
   * @throws BrokerNotAvailableError when nobody can hear it
   */
  say(content: T, payload: Uint8Array = NOTHING): Promise<void> {
    const bytes = encodeEnvelope<T>({ content }, payload);
    this.#checkSize(bytes);
    if (this.#closed || this.#deaf || !this.#options.backplane.isAvailable) {
      // By the number that is missing the others notice that there is something they have not heard.
      this.#seal.skipNumber();
      return Promise.reject(new BrokerNotAvailableError("The other servers cannot be reached"));
    }
    this.#noticeSleep();
    return this.#introduction.isOver ? this.#publish(bytes) : this.#hold(bytes);
  }

  /** Notes that a server said something that this one does not know: there will be later releases. */
  unknown(): void {
    const { name } = this.#options.backplane;
    this.#log.warn(`A server says at ${name} what this release does not know. It is not heard.`);
  }

  /** Says goodbye, if the others can hear it. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#stopClock();
    this.#stopGreeting?.();
    this.#introduction.stop([]);
    this.#held.refuse("The connection to the other servers was closed");
    this.#peers.clear();
    await this.#publish(encodeEnvelope({ bye: true }, NOTHING)).catch(() => {});
  }

  #available(isAvailable: boolean): void {
    if (this.#closed) return;
    if (isAvailable) {
      this.#introduce();
    } else {
      this.#introduction.stop(this.#peers.known);
      this.#held.refuse("The connection to the other servers was lost before they could be greeted");
    }
  }

  /** Numbers tell what was missed of a server that says something more; of one that does not, nothing would. */
  #lost(): void {
    for (const id of this.#peers.known) this.#listener.missed?.(id);
  }

  #introduce(): void {
    this.#introduction.begin(this.#seal.next, this.#peers.known);
  }

  #tick(): void {
    this.#noticeSleep();
    this.#tickedAt = this.#clock.now();
    // Their messages are held up here.
    if (this.#options.isHeld?.() !== true) {
      for (const id of this.#peers.tick(TICKS_TO_EXPIRE)) this.#forget(id);
    }
    if (++this.#ticks % TICKS_TO_LIVE_SIGN === 0) this.#greet();
  }

  /** While this process stood still the others may have forgotten it. */
  #noticeSleep(): void {
    const passed = this.#clock.now() - this.#tickedAt;
    if (passed < this.#options.expiration / 2) return;
    this.#tickedAt = this.#clock.now();
    if (this.#introduction.isOver) this.#introduce();
  }

  #greet(): void {
    this.#stopGreeting?.();
    this.#stopGreeting = undefined;
    const { backplane, logger } = this.#options;
    if (this.#closed || !backplane.isAvailable) return;

    const greeting: Greeting = {
      ...this.#peers.named(),
      asks: !this.#introduction.isOver,
      takes: this.#ownLimit,
    };
    this.#publish(encodeEnvelope({ greeting }, NOTHING)).catch((error: unknown) => {
      logger.debug("A sign of life did not reach the other servers", error);
    });
  }

  /** Many may have to be answered at once. */
  #greetSoon(): void {
    this.#stopGreeting ??= this.#clock.after(GREETING_DELAY, () => this.#greet());
  }

  async #publish(bytes: Uint8Array): Promise<void> {
    await this.#options.backplane.publish(this.#seal.close(bytes));
  }

  async #hold(bytes: Uint8Array): Promise<void> {
    let isSaid = false;
    try {
      await this.#held.add(bytes.length, async () => {
        // A server that was greeted meanwhile may take less.
        this.#checkSize(bytes);
        isSaid = true;
        await this.#publish(bytes);
      });
    } catch (error) {
      if (!isSaid) this.#seal.skipNumber();
      throw error;
    }
  }

  #checkSize({ length }: Uint8Array): void {
    const { sizeLimit } = this;
    if (length <= sizeLimit) return;
    throw new MessageDeliveryError(
      `A message for other servers has ${length} bytes, and they take ${sizeLimit}: messageSizeLimit bounds it`,
      { publicMessage: "The message is too long for users of other servers" },
    );
  }

  #receive(bytes: Uint8Array): void | Promise<void> {
    if (this.#closed) return;
    const opened = this.#seal.open(bytes);
    if (!opened) {
      const { name } = this.#options.backplane;
      this.#log.warn(
        `Another sender uses ${name}, or a server ${this.#seal.faultOf(bytes)}. It is not heard.`,
      );
      return;
    }
    if (opened.from === this.id || opened.sequence <= this.#peers.heardOf(opened.from)) return;

    const { envelope, payload } = decodeEnvelope<T>(opened.content);
    const { greeting } = envelope;
    const peer = this.#meet(opened.from);
    if (greeting) this.#greeted(peer, opened, greeting);
    else if (peer.isKnown) return this.#hear(peer, opened, envelope, payload);
  }

  #meet(from: string): Peer {
    this.#introduction.meet(from);
    const peer = this.#peers.get(from);
    if (peer) return peer;
    // It has to name us before it is heard.
    this.#greetSoon();
    return this.#peers.add(from);
  }

  #greeted(peer: Peer, opened: Opened, greeting: Greeting): void {
    const { from } = opened;
    const { hears, sees, asks, takes } = greeting;
    peer.takes = takes;
    const heard = hears[this.id];
    const isNamed = heard !== undefined || sees.includes(this.id);
    if (heard === undefined || asks) this.#greetSoon();
    for (const id of [...Object.keys(hears), ...sees]) if (id !== this.id) this.#introduction.meet(id);
    if (!peer.isKnown && !isNamed) return;

    if (peer.isKnown) {
      this.#count(opened);
    } else {
      peer.isKnown = true;
      this.#peers.remember(from, opened.sequence);
      // It must know us before it hears anything else of us.
      this.#greet();
    }
    peer.silentTicks = 0;
    if (heard !== undefined) this.#introduction.heard(from, heard);
    this.#listener.alive?.(from);
  }

  #hear(
    peer: Peer,
    opened: Opened,
    { bye, content }: Envelope<T>,
    payload: Uint8Array,
  ): void | Promise<void> {
    const { from } = opened;
    peer.silentTicks = 0;
    this.#count(opened);
    if (bye) {
      this.#introduction.forget(from);
      this.#forget(from);
    } else if (content !== undefined) {
      return this.#listener.take(from, { content, payload });
    } else {
      this.unknown();
    }
  }

  #count({ from, sequence }: Opened): void {
    const missed = sequence - this.#peers.heardOf(from) - 1;
    this.#peers.remember(from, sequence);
    if (missed === 0) return;
    this.#missed += missed;
    this.#listener.missed?.(from);
  }

  #forget(id: string): void {
    if (this.#peers.remove(id)) this.#listener.left?.(id);
  }
}
