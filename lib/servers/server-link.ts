import { type BrokerSystem, SERVERS_ONLY } from "../broker/broker.js";
import type { MessageHandler } from "../channel/channel.js";
import type { Logger } from "../logger.js";
import { createMessage, type Message } from "../message/message.js";
import { NativeHeaders } from "../message/native-headers.js";
import { type Opened, Seal } from "./seal.js";

/** What one server says to the others: something JSON can write, and bytes beside it. */
export interface Said<T> {
  readonly content: T;
  readonly payload: Uint8Array;
}

/** Who is told what comes over a link. */
export interface LinkListener<T> {
  /** One of the servers we know said something: each thing once, in its order. */
  take(from: string, said: Said<T>): void;
  /** A server is there: told when we get to know it, and with each of its signs of life. */
  alive?(from: string): void;
  /** Something that this server said was lost on the way. */
  missed?(from: string): void;
  /** A server said goodbye, or nothing for too long. */
  left?(from: string): void;
}

export interface ServerLinkOptions {
  readonly system: BrokerSystem;
  /** Takes what is sent to the broker. */
  readonly application: MessageHandler;
  readonly destination: string;
  /** As `serversKey` makes it. */
  readonly key: Buffer;
  /** How long a server may be silent until it counts as gone, in ms. */
  readonly expiration: number;
  readonly logger: Logger;
}

interface Envelope<T> {
  /** In a sign of life: whom the sender has heard. */
  readonly knows?: readonly string[];
  readonly bye?: true;
  readonly content?: T;
}

/** Another server; known when it has named us. */
interface Peer {
  known: boolean;
  silentTicks: number;
}

const NOTHING = new Uint8Array(0);
const TICKS_TO_EXPIRE = 20;
const TICKS_TO_LIVE_SIGN = 10;
const GREETING_DELAY = 50;
/** Of so many servers we remember how far they have counted. */
const MEMORY = 10_000;

/**
 * Joins the servers on one broker: what one says at a destination is heard by
 * all others, once, and nobody else can say or hear anything there.
 *
 * A server is listened to when it has named us in a sign of life. Our id is
 * random and new, so that cannot be a recording; and what follows counts on
 * from there, so a recording is recognised by its number.
 */
export class ServerLink<T> {
  readonly #options: ServerLinkOptions;
  readonly #listener: LinkListener<T>;
  readonly #seal: Seal;
  readonly #peers = new Map<string, Peer>();
  /** The newest number of each server, also of those that went: it stays a recording. */
  readonly #heard = new Map<string, number>();
  readonly #clock: NodeJS.Timeout;
  #greeting: NodeJS.Timeout | undefined;
  #ticks = 0;
  #warned = false;
  #closed = false;

  constructor(options: ServerLinkOptions, listener: LinkListener<T>) {
    const { system, destination, key, expiration, logger } = options;
    this.#options = options;
    this.#listener = listener;
    this.#seal = new Seal(key, destination);
    this.#clock = setInterval(() => this.#tick(), expiration / TICKS_TO_EXPIRE).unref();
    system
      .subscribe(destination, (message) => this.#receive(message))
      .then(() => this.#greet())
      .catch((error: unknown) => {
        if (!this.#closed) logger.error(`The other servers cannot be heard at ${destination}`, error);
      });
  }

  /** This server, as the others know it. */
  get id(): string {
    return this.#seal.id;
  }

  /** Says something to all other servers. Resolves when the broker has it. */
  async say(content: T, payload: Uint8Array = NOTHING): Promise<void> {
    await this.#send({ content }, payload);
  }

  /** Says goodbye, if the broker is there to hear it. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#clock);
    clearTimeout(this.#greeting);
    this.#peers.clear();
    await this.#send({ bye: true }).catch(() => {});
  }

  #tick(): void {
    for (const [id, peer] of this.#peers) {
      if (++peer.silentTicks > TICKS_TO_EXPIRE) this.#forget(id);
    }
    if (++this.#ticks % TICKS_TO_LIVE_SIGN === 0) this.#greet();
  }

  #greet(): void {
    clearTimeout(this.#greeting);
    this.#greeting = undefined;
    if (this.#closed) return;

    this.#send({ knows: [...this.#peers.keys()] }).catch((error: unknown) => {
      this.#options.logger.debug("A sign of life did not reach the other servers", error);
    });
  }

  #greetSoon(): void {
    this.#greeting ??= setTimeout(() => this.#greet(), GREETING_DELAY).unref();
  }

  async #send(envelope: Envelope<T>, payload: Uint8Array = NOTHING): Promise<void> {
    const json = Buffer.from(JSON.stringify(envelope));
    const length = Buffer.alloc(4);
    length.writeUInt32BE(json.length);
    await this.#options.application.handle(
      createMessage(this.#seal.close(Buffer.concat([length, json, payload])), {
        destination: this.#options.destination,
        contentType: "application/octet-stream",
        native: NativeHeaders.of({ [SERVERS_ONLY]: "1" }),
      }),
    );
  }

  #receive({ payload }: Message): void {
    if (this.#closed) return;
    const opened = this.#seal.open(payload);
    if (!opened) {
      this.#warn();
      return;
    }
    if (opened.from === this.id || opened.sequence <= (this.#heard.get(opened.from) ?? 0)) return;

    const length = opened.content.readUInt32BE(0);
    const envelope = JSON.parse(opened.content.toString("utf8", 4, 4 + length)) as Envelope<T>;
    this.#hear(opened, envelope, opened.content.subarray(4 + length));
  }

  #hear({ from, sequence }: Opened, envelope: Envelope<T>, payload: Uint8Array): void {
    let peer = this.#peers.get(from);
    if (!peer) {
      peer = { known: false, silentTicks: 0 };
      this.#peers.set(from, peer);
      this.#greetSoon();
    }
    const { knows, bye, content } = envelope;
    if (knows && !knows.includes(this.id)) this.#greetSoon();
    const isFirst = !peer.known && knows?.includes(this.id) === true;
    if (!peer.known && !isFirst) return;

    // It must know us before it hears anything else of us.
    if (isFirst) this.#greet();
    const missed = !isFirst && sequence !== (this.#heard.get(from) ?? 0) + 1;
    peer.known = true;
    peer.silentTicks = 0;
    this.#remember(from, sequence);
    if (missed) this.#listener.missed?.(from);
    if (bye) this.#forget(from);
    else if (knows) this.#listener.alive?.(from);
    else this.#listener.take(from, { content: content as T, payload });
  }

  #remember(from: string, sequence: number): void {
    this.#heard.delete(from);
    if (this.#heard.size >= MEMORY) this.#heard.delete(this.#heard.keys().next().value as string);
    this.#heard.set(from, sequence);
  }

  #forget(id: string): void {
    const known = this.#peers.get(id)?.known;
    this.#peers.delete(id);
    if (known) this.#listener.left?.(id);
  }

  /** Once: whoever sends such could fill the log. */
  #warn(): void {
    if (this.#warned) return;
    this.#warned = true;
    this.#options.logger.warn(
      `Somebody else sends to ${this.#options.destination}, or a server with another secret. It is not heard.`,
    );
  }
}
