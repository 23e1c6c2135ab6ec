import type { Clock } from "../clock/clock.js";
import { BrokerNotAvailableError, MessageDeliveryError } from "../errors.js";
import type { Logger } from "../logger.js";
import { createMessage, type Message, type PublishedHeaders } from "../message/message.js";
import { NativeHeaders } from "../message/native-headers.js";
import { publishedHeaders } from "../message/publication.js";
import type { Backplane } from "./backplane.js";
import { decodeEnvelope, encodeEnvelope } from "./envelope.js";
import { InFlight } from "./in-flight.js";
import { SEAL_LENGTH, Seal } from "./seal.js";
import type { SessionsTold } from "./sessions-broadcast.js";

/** A message that goes to all servers, this one among them; or what they are to do with sessions. */
export type Outgoing = OutgoingMessage | { readonly sessions: SessionsTold };

export interface OutgoingMessage {
  readonly message: Message;
  /** Whether it is for a user, by its destination (`/user/<name>/queue/x`). */
  readonly toUser: boolean;
  /** Whether a client sent it to a user: it is not for strangers then. */
  readonly byClient: boolean;
}

/** The place of what has come from the backplane, and its sender. */
export interface Arrival {
  /** How long ago it was sent, by the clocks of both servers, in ms; 0 if it is live. */
  readonly age: number;
  /** It was published before this server listened. */
  readonly isOld: boolean;
  /** This server has sent it. */
  readonly isOwn: boolean;
}

/** Servers of a later release may put in what this one does not know. */
interface Told {
  readonly sessions?: SessionsTold;
  readonly message?: Omit<PublishedHeaders, "native"> & { readonly privateTo?: string | undefined };
  readonly native?: readonly (readonly [string, string])[];
  readonly toUser?: true;
  readonly byClient?: true;
  /** When it was sent, in ms since 1970. */
  readonly at: number;
  /** How many publications of the sender have failed, in all: their numbers are not missing. */
  readonly failed: number;
}

interface Sender {
  sequence: number;
  failed: number;
  /** Until how many losses all that is missing of it is known. */
  losses: number;
}

export interface PublicationsOptions {
  /** Carries them. */
  readonly road: Pick<Backplane, "name" | "sizeLimit" | "publish">;
  /** As `serversKey` makes it. Without one nothing is sealed. */
  readonly key: Buffer | undefined;
  readonly clock: Clock;
  /** Writes each warning once. */
  readonly logger: Logger;
  take?(incoming: Outgoing, arrival: Arrival): void | Promise<void>;
  /** Something of a sender is missing, by its numbers, though the road knows of no loss. */
  missed?(): void;
}

/** Of so many senders it is remembered how far they have counted. */
const SENDERS = 10_000;
const PURPOSE = "publications";

/** Seals what servers publish, and opens what comes: each once, and in the order of its sender. */
export class Publications {
  readonly #options: PublicationsOptions;
  readonly #seal: Seal;
  readonly #inFlight: InFlight;
  readonly #senders = new Map<string, Sender>();
  #failed = 0;
  #losses = 0;
  #isClosed = false;

  constructor(options: PublicationsOptions) {
    const { key, road, clock } = options;
    this.#options = options;
    this.#seal = new Seal(key, PURPOSE);
    this.#inFlight = new InFlight(road.name, clock);
  }

  /** Whether so much is on its way that who sends more better waits. */
  get isBusy(): boolean {
    return this.#inFlight.isBusy;
  }

  /** @throws MessageDeliveryError when one is longer than the backplane takes, too much is on its way for all of them, or they are too much together */
  check(all: readonly Outgoing[]): void {
    this.#inFlight.check(all.map((outgoing) => this.#encode(outgoing).length));
  }

  /**
   * Resolves when all servers will hear it; rejects when nobody can know.
   *
   * @throws MessageDeliveryError, at once, when it is longer than the backplane takes, or too much is on its way
   */
  publish(outgoing: Outgoing): Promise<void> {
    if (this.#isClosed) throw new BrokerNotAvailableError("The backplane was closed");
    const bytes = this.#encode(outgoing);
    this.#inFlight.check([bytes.length]);
    const { road } = this.#options;
    const published = this.#inFlight.add(bytes.length, async () => {
      await road.publish(this.#seal.close(bytes));
    });
    published.catch(() => {
      this.#failed++;
    });
    return published;
  }

  /** Takes what a road of publications gives. */
  receive(bytes: Uint8Array, position: string, isOld: boolean): void | Promise<void> {
    const opened = this.#seal.open(bytes);
    if (!opened) {
      this.#warn(`Another sender uses ${this.#options.road.name}, or a server ${this.#seal.faultOf(bytes)}`);
      return;
    }
    const { from, sequence, content } = opened;
    const sender = this.#senders.get(from);
    // It came twice, or is a recording.
    if (sender && sequence <= sender.sequence) return;

    const { envelope, payload } = decodeEnvelope<Told>(content);
    const { content: told } = envelope;
    if (told) this.#count(from, sequence, told.failed);
    const incoming = told && incomingOf(told, payload, position);
    if (!told || !incoming) {
      this.unknown();
      return;
    }
    const age = isOld ? Math.max(0, this.#options.clock.date() - told.at) : 0;
    return this.#options.take?.(incoming, { age, isOld, isOwn: from === this.#seal.id });
  }

  /** Notes that a server publishes what this one does not know: there will be later releases. */
  unknown(): void {
    this.#warn(`A server publishes on ${this.#options.road.name} what this release does not know`);
  }

  /** All that is missing until now is known to be. */
  forgive(): void {
    this.#losses++;
  }

  /** Takes nothing any more; resolves when all that was published was confirmed, or failed. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#inFlight.idle();
    this.#inFlight.close();
  }

  #encode(outgoing: Outgoing): Buffer {
    const { clock } = this.#options;
    const told = { ...toldOf(outgoing), at: clock.date(), failed: this.#failed };
    const payload = "message" in outgoing ? outgoing.message.payload : NOTHING;
    const bytes = encodeEnvelope<Told>({ content: told }, payload);
    this.#checkSize(bytes.length);
    return bytes;
  }

  #checkSize(length: number): void {
    const { name, sizeLimit = Number.POSITIVE_INFINITY } = this.#options.road;
    const limit = sizeLimit - SEAL_LENGTH;
    if (length <= limit) return;
    throw new MessageDeliveryError(
      `A message has ${length} bytes with its headers, and the backplane ${name} takes ${limit}`,
      { publicMessage: "The message is too long for the other servers" },
    );
  }

  #count(from: string, sequence: number, failed: number): void {
    const sender = this.#senders.get(from);
    if (!sender) {
      if (this.#senders.size >= SENDERS) this.#senders.delete(this.#senders.keys().next().value as string);
      this.#senders.set(from, { sequence, failed, losses: this.#losses });
      return;
    }
    // The one that has been silent for the longest stands first.
    this.#senders.delete(from);
    this.#senders.set(from, sender);
    const missing = sequence - sender.sequence - 1 - Math.max(0, failed - sender.failed);
    const isKnown = sender.losses < this.#losses;
    sender.sequence = sequence;
    sender.failed = failed;
    sender.losses = this.#losses;
    if (missing <= 0 || isKnown) return;
    this.#options.missed?.();
    // Of this sender all is told; of others something may be missing, too.
    sender.losses = this.#losses;
  }

  #warn(text: string): void {
    this.#options.logger.warn(`${text}. It is not heard.`);
  }
}

const NOTHING = new Uint8Array(0);

function toldOf(outgoing: Outgoing): Omit<Told, "at" | "failed"> {
  if ("sessions" in outgoing) return outgoing;
  const { message, toUser, byClient } = outgoing;
  const { native, ...published } = publishedHeaders(message.headers);
  return {
    message: { ...published, privateTo: message.headers.privateTo },
    native: [...native],
    ...(toUser && { toUser }),
    ...(byClient && { byClient }),
  };
}

/** Gives `undefined` of what this release does not know. */
function incomingOf(told: Told, payload: Uint8Array, position: string): Outgoing | undefined {
  const { sessions, message, native = [], toUser = false, byClient = false } = told;
  if (sessions) return { sessions };
  if (!message) return undefined;
  const headers = { ...message, native: NativeHeaders.of(native), position };
  return { message: createMessage(payload, headers), toUser, byClient };
}
