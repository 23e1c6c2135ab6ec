import type { Clock } from "../clock/clock.js";
import { type DestinationPattern, type DestinationSeparator, parsePattern } from "../destination/pattern.js";
import type { Logger } from "../logger.js";
import { Delivery } from "../message/delivery.js";
import type { Message, Principal } from "../message/message.js";
import { NativeHeaders } from "../message/native-headers.js";
import type { TappedFrame, TapTarget } from "./views.js";

/** Hears of frames as they pass. Synchronous; its throws are logged. */
export type TapListener = (frame: TappedFrame) => void;

/** The session of a frame, as far as a tap shows it. */
export interface TappedSession {
  readonly id: string;
  readonly user: Principal | undefined;
}

/** The parts of a frame, or of a message. */
interface Parts {
  readonly command: string;
  readonly headers: Iterable<readonly [string, string]>;
  readonly body: Uint8Array;
}

interface DestinationTap {
  readonly pattern: DestinationPattern;
  readonly listener: TapListener;
  /** The publications that were told: several clients are given one. */
  readonly told: WeakSet<Message>;
}

export interface FrameTapsOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly separator: DestinationSeparator;
  /** Has `sent` called for what the application sends, or no longer. */
  watchApplication?(sent: ((message: Message) => void) | undefined): void;
}

/**
 * Lets frames be seen as they pass. Sessions ask `isOn` for each frame, and
 * nothing more while nobody looks; while somebody does, a frame that nobody wants
 * to see costs a look into a table.
 */
export class FrameTaps {
  /** Whether anybody looks at all. */
  isOn = false;
  readonly #options: FrameTapsOptions;
  readonly #ofSessions = new Map<string, Set<TapListener>>();
  readonly #ofDestinations = new Set<DestinationTap>();
  /** The newest publication that the destinations' taps were asked about: a fan-out gives it to all in one go. */
  #newest: Message | undefined;

  constructor(options: FrameTapsOptions) {
    this.#options = options;
  }

  /**
   * Adds a tap; the returned function removes it.
   *
   * @throws DestinationPatternError when the destination is no pattern
   */
  add(target: TapTarget, listener: TapListener): () => void {
    const remove =
      "sessionId" in target
        ? this.#addSession(target.sessionId, listener)
        : this.#addDestination(target.destination, listener);
    this.#look();
    return () => {
      remove();
      this.#look();
    };
  }

  /** A client's frame was decoded. */
  received(
    session: TappedSession,
    { command, headers, body }: Parts & { readonly headers: NativeHeaders },
  ): void {
    const destination = headers.get("destination");
    const show = () => this.#frame("client", { command, headers, body }, { session, destination });
    this.#tellSession(session.id, show);
    if (destination !== undefined) this.#tellDestination(destination, undefined, show);
  }

  /** A client is written a frame that is no MESSAGE. */
  written(session: TappedSession, parts: Parts): void {
    this.#tellSession(session.id, () => this.#frame("server", parts, { session }));
  }

  /** A client is given a message. */
  given(session: TappedSession, message: Message): void {
    const publication = message instanceof Delivery ? message.publication : message;
    if (this.#ofSessions.size > 0) {
      this.#tellSession(session.id, () => this.#frame("server", partsOf(message), { session, message }));
    }
    if (this.#ofDestinations.size === 0 || publication === this.#newest) return;
    this.#newest = publication;
    const { destination } = publication.headers;
    if (destination === undefined) return;
    this.#tellDestination(destination, publication, () =>
      this.#frame("server", partsOf(publication), { message: publication }),
    );
  }

  /** The application has sent a message, or a controller has. */
  #sent(message: Message): void {
    const { destination, messageType } = message.headers;
    if (destination === undefined || messageType !== "MESSAGE") return;
    const show = () => this.#frame("application", { ...partsOf(message), command: "SEND" }, { message });
    this.#tellDestination(destination, undefined, show);
  }

  #addSession(id: string, listener: TapListener): () => void {
    const listeners = this.#ofSessions.get(id) ?? new Set();
    this.#ofSessions.set(id, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#ofSessions.get(id) === listeners) this.#ofSessions.delete(id);
    };
  }

  #addDestination(destination: string, listener: TapListener): () => void {
    const pattern = parsePattern(destination, { separator: this.#options.separator });
    const tap = { pattern, listener, told: new WeakSet<Message>() };
    this.#ofDestinations.add(tap);
    // No session sees what the application sends.
    this.#options.watchApplication?.((message) => this.#sent(message));
    return () => {
      this.#ofDestinations.delete(tap);
      if (this.#ofDestinations.size === 0) this.#options.watchApplication?.(undefined);
    };
  }

  #look(): void {
    this.isOn = this.#ofSessions.size + this.#ofDestinations.size > 0;
    this.#newest = undefined;
  }

  #tellSession(id: string, show: () => TappedFrame): void {
    const listeners = this.#ofSessions.get(id);
    if (!listeners) return;
    const frame = show();
    for (const listener of [...listeners]) this.#tell(listener, frame);
  }

  /** @param publication is told each tap once */
  #tellDestination(destination: string, publication: Message | undefined, show: () => TappedFrame): void {
    let frame: TappedFrame | undefined;
    for (const { pattern, listener, told } of [...this.#ofDestinations]) {
      // A client may have subscribed to a pattern: its text is shown where the tap has the same.
      if (pattern.text !== destination && !pattern.fits(destination)) continue;
      if (publication) {
        if (told.has(publication)) continue;
        told.add(publication);
      }
      frame ??= show();
      this.#tell(listener, frame);
    }
  }

  #tell(listener: TapListener, frame: TappedFrame): void {
    try {
      listener(frame);
    } catch (error) {
      this.#options.logger.error("A tap failed", error);
    }
  }

  #frame(
    from: TappedFrame["from"],
    { command, headers, body }: Parts,
    of: {
      readonly session?: TappedSession;
      readonly message?: Message;
      readonly destination?: string | undefined;
    },
  ): TappedFrame {
    const { session, message, destination = message?.headers.destination } = of;
    return {
      at: new Date(this.#options.clock.date()),
      from,
      command,
      sessionId: session?.id,
      user: session?.user?.name,
      destination,
      headers: NativeHeaders.of(headers).toJSON(),
      body,
    };
  }
}

/** A message as the MESSAGE that clients read. */
function partsOf({ headers, payload }: Message): Parts {
  const { destination, contentType, messageId, subscriptionId, ackId, native } = headers;
  const own = NativeHeaders.of({
    destination,
    "content-type": contentType,
    "message-id": messageId,
    subscription: subscriptionId,
    ack: ackId,
  });
  return { command: "MESSAGE", headers: [...own, ...native], body: payload };
}
