import type { StompHeaders, StompMessage } from "./stomp-client.js";

/** How a subscription goes on after a reconnect. */
export interface PlaceOptions {
  /**
   * Called when messages may be missing, for the application to load its state
   * anew: what is sent from then on arrives. With a server that keeps no
   * history that is so after every reconnect.
   */
  onReload?(): void;
  /** Called when the server has ended the subscription, or has refused it for good: it is not made again. */
  onEnd?(reason: string): void;
  /** Headers of SUBSCRIBE, such as `ack` or `selector`. */
  headers?: StompHeaders;
  /**
   * Where to begin: behind this `message-id`, which `messaging.history(…)` gives
   * with a page's state; with all that is kept; or with what is sent from now on.
   *
   * @default where the last one to the destination stood, if that was kept, else "now"
   */
  since?: "now" | "first" | (string & {});
  /**
   * Whether the destination is a stream of RabbitMQ, which knows positions as
   * `x-stream-offset`. What was taken of one is acknowledged here, unless `headers` say how.
   *
   * @default whether it begins with `/amq/queue/`
   */
  stream?: boolean;
}

/** Ids of messages that are remembered, so that none is taken twice. */
const SEEN = 1_000;
/** How long a RECEIPT of SUBSCRIBE may take, in ms: Spring's broker gives none. */
const PATIENCE = 1_000;

/**
 * Where a subscription stands. For clients that make subscriptions themselves,
 * as rx-stomp does: `headers` for each SUBSCRIBE, `accept` for each MESSAGE.
 *
 * @example
 * ```ts
 * const { headers, accept } = live.place("/topic/room/7", { onReload: () => loadRoom(7) });
 * rxStomp.watch({ destination: "/topic/room/7", subHeaders: headers }).pipe(filter(accept)).subscribe(show);
 * ```
 */
export class Place {
  readonly #options: PlaceOptions;
  readonly #isStream: boolean;
  readonly #seen = new Set<string>();
  /** The message-id, or the offset of a stream, of the newest message; or what the server has told. */
  #position: string | undefined;
  /** The position that the present SUBSCRIBE asked for, until the server has shown whether it could give that. */
  #asked: string | undefined;
  #isAgain = false;
  /** Whether the server has told a position to the present SUBSCRIBE, and whether it ever has. */
  #isTold = false;
  #knowsPositions = false;
  #isReloaded = false;
  #patience: ReturnType<typeof setTimeout> | undefined;
  #ack = "auto";
  /** With cumulative ACKs: the newest that the application has not acknowledged, and the newest that was dropped behind. */
  #open: StompMessage | undefined;
  #owed: StompMessage | undefined;

  /** @internal */
  constructor(destination: string, options: PlaceOptions, position: string | undefined) {
    const { since = position, stream = destination.startsWith("/amq/queue/") } = options;
    this.#options = options;
    this.#isStream = stream;
    this.#position = since === "now" ? undefined : since;
    this.#knowsPositions = position !== undefined;
  }

  /** The position, if the server knows such: another subscription can go on there. @internal */
  get kept(): string | undefined {
    return this.#knowsPositions || this.#isStream ? this.#position : undefined;
  }

  /** Gives the headers of the next SUBSCRIBE. */
  readonly headers = (): StompHeaders => {
    const { headers = {} } = this.#options;
    const asked = this.#position;
    const isAgain = this.#isAgain;
    this.stop();
    this.#asked = asked;
    this.#isAgain = true;
    this.#isTold = this.#isReloaded = false;
    this.#open = this.#owed = undefined;
    // A server that has told nothing will not this time.
    const isLost = isAgain && (this.#isStream ? asked === undefined : !this.#knowsPositions);
    if (isLost) this.#patience = setTimeout(() => this.#reload(), PATIENCE);
    if (!this.#isStream) {
      this.#ack = headers.ack ?? "auto";
      return { ...headers, since: asked ?? "now" };
    }
    this.#ack = headers.ack ?? "ours";
    const offset = asked === undefined ? "next" : asked === "first" ? asked : `offset=${Number(asked) + 1}`;
    return { ack: "client", "prefetch-count": "100", ...headers, "x-stream-offset": offset };
  };

  /** Whether a message is the application's: none of the server's own, and none that was taken before. */
  readonly accept = (message: StompMessage): boolean => {
    const { unsubscribed } = message.headers;
    if (unsubscribed !== undefined) {
      this.#options.onEnd?.(unsubscribed);
      return false;
    }
    return this.#isStream ? this.#acceptOffset(message) : this.#acceptId(message);
  };

  /** RECEIPT came for SUBSCRIBE: had the server a position to tell, it would have. @internal */
  confirmed(): void {
    const isUnknown = this.#asked !== undefined && !this.#isTold;
    if (this.#patience !== undefined || (!this.#isStream && isUnknown)) this.#reload();
  }

  /** The application has taken a message. @internal */
  taken(message: StompMessage): void {
    if (this.#ack === "ours") message.ack();
  }

  /** @internal */
  stop(): void {
    clearTimeout(this.#patience);
    this.#patience = undefined;
  }

  #acceptId(message: StompMessage): boolean {
    const { recovered, "message-id": id, redelivered } = message.headers;
    if (recovered !== undefined) {
      // Also where a replay follows: it is what comes behind this, should the line break before that.
      this.#position = id;
      this.#told(recovered === "true");
      return false;
    }
    if (this.#asked !== undefined && !this.#isTold) this.#reload();
    if (id === undefined) return true;
    // Without positions ids may begin anew with each connection; and what was given back is to come again.
    return this.#take(message, id, !this.#isTold || redelivered === "true" || !this.#seen.has(id));
  }

  #told(isWhole: boolean): void {
    const isFirst = !this.#isTold;
    this.#isTold = this.#knowsPositions = true;
    // A page that asks for all that is sent from now on misses nothing, the first time; but the server may lose the thread later.
    if (!isFirst) this.#isReloaded = false;
    const isLost = this.#patience !== undefined || (!isWhole && !(isFirst && this.#asked === undefined));
    this.stop();
    if (isLost) this.#reload();
  }

  #acceptOffset(message: StompMessage): boolean {
    const offset = message.headers["x-stream-offset"];
    if (offset === undefined) return true;

    const asked = this.#asked;
    this.#asked = undefined;
    // The first that there is was not the next one: what is between has been trimmed.
    if (asked !== undefined && Number(offset) > Number(asked) + 1) this.#reload();
    return this.#take(message, offset, !(Number(offset) <= Number(this.#position)));
  }

  #take(message: StompMessage, id: string, isNew: boolean): boolean {
    if (isNew) this.#note(id, message);
    else this.#drop(message);
    return isNew;
  }

  #note(id: string, message: StompMessage): void {
    this.#position = id;
    this.#seen.add(id);
    const [oldest = ""] = this.#seen;
    if (this.#seen.size > SEEN) this.#seen.delete(oldest);
    if (this.#ack !== "client") return;

    this.#open = message;
    for (const name of ["ack", "nack"] as const) {
      const settle = message[name];
      message[name] = (headers) => {
        settle.call(message, headers);
        if (this.#open !== message) return;
        this.#owed?.ack();
        this.#open = this.#owed = undefined;
      };
    }
  }

  /** The server waits for its ACK; one that counts for what came before has to wait until the application is done with that. */
  #drop(message: StompMessage): void {
    if (this.#ack === "auto") return;
    if (this.#ack === "client" && this.#open) this.#owed = message;
    else message.ack();
  }

  #reload(): void {
    this.stop();
    if (this.#isReloaded) return;
    this.#isReloaded = true;
    this.#options.onReload?.();
  }
}
