import { before } from "./hook.js";
import { Place, type PlaceOptions } from "./place.js";
import { type PositionStorage, Positions } from "./positions.js";
import type { Publication, StompClient, StompFrame, StompHeaders, StompMessage } from "./stomp-client.js";
import { UnconfirmedPublications, uuid } from "./unconfirmed.js";

/** Options of `resuming`. */
export interface ResumingOptions {
  /** Where positions are kept when the page is loaded again, such as `sessionStorage`. @default they are not */
  storage?: PositionStorage;
  /** Their name there. @default "express-stomp" */
  storageKey?: string;
}

/** A subscription that goes on after each reconnect. */
export interface ResumingSubscription {
  /**
   * Ends it.
   *
   * @param keep whether the next one to the same destination goes on where this one stood, as long as the page lives;
   *   default: it begins anew
   */
  unsubscribe(keep?: boolean): void;
}

/** The client with a memory that `resuming(client)` gives. */
export interface Resuming<M extends StompMessage = StompMessage> {
  /** Subscribes, now or as soon as the client is connected, and again after each reconnect, behind the last message that came. */
  subscribe(destination: string, take: (message: M) => void, options?: PlaceOptions): ResumingSubscription;
  /**
   * Publishes. With `retry` the message has a `dedup-id` and waits for its
   * RECEIPT; until then it is sent again after each reconnect, and the server
   * handles it once if it has `deduplicate` on.
   *
   * @returns with `retry` what resolves at the RECEIPT; it rejects when the
   *   server refuses the message, at a reconnect five minutes or more after it
   *   was first sent, and when 1,000 wait already
   */
  publish(publication: Publication, options?: { retry?: boolean }): Promise<void>;
  /** A place for a client that subscribes again by itself. */
  place(destination: string, options?: PlaceOptions): Place;
}

interface Live<M extends StompMessage> {
  readonly destination: string;
  readonly place: Place;
  readonly name: string;
  readonly take: (message: M) => void;
  /** Of the present connection. */
  current: { unsubscribe(): void } | undefined;
  receipt: string | undefined;
  end(reason: string): void;
}

const known = new WeakMap<object, { readonly storage: unknown; readonly made: unknown }>();

/**
 * Lets a STOMP client miss nothing over reconnects, or tells that something is
 * missing: with this server's `history`, and RabbitMQ's streams. Any other server is asked in vain, and harmed by nothing.
 *
 * The same client gives the same object each time.
 *
 * @example
 * ```ts
 * const live = resuming(new Client({ brokerURL }), { storage: sessionStorage });
 * live.subscribe("/topic/room/7", show, { onReload: () => loadRoom(7) });
 * await live.publish({ destination: "/app/say", body: "Hello" }, { retry: true });
 * ```
 *
 * @throws Error when the same client was given another storage before
 */
export function resuming<M extends StompMessage>(
  client: StompClient<M>,
  { storage, storageKey = "express-stomp" }: ResumingOptions = {},
): Resuming<M> {
  const earlier = known.get(client);
  if (earlier === undefined) {
    const made = new ResumingClient(client, storage, storageKey);
    known.set(client, { storage, made });
    return made;
  }
  if (storage !== undefined && earlier.storage !== storage) {
    throw new Error("resuming: this client keeps its positions in another storage");
  }
  return earlier.made as Resuming<M>;
}

class ResumingClient<M extends StompMessage> implements Resuming<M> {
  readonly #client: StompClient<M>;
  readonly #positions: Positions;
  readonly #unconfirmed: UnconfirmedPublications;
  readonly #live = new Set<Live<M>>();
  /** Of those whose client subscribes by itself. */
  readonly #places = new Map<string, Place>();

  constructor(client: StompClient<M>, storage: PositionStorage | undefined, key: string) {
    this.#client = client;
    this.#positions = new Positions(storage, key);
    this.#unconfirmed = new UnconfirmedPublications(client);
    before(client, "onConnect", () => this.#connected());
    before(client, "onStompError", (frame) => this.#failed(frame));
    if (storage) whenHidden(() => this.#save());
  }

  subscribe(
    destination: string,
    take: (message: M) => void,
    options: PlaceOptions = {},
  ): ResumingSubscription {
    const name = nameOf(destination, options.headers);
    const end = (reason: string) => {
      this.#remove(live);
      options.onEnd?.(reason);
    };
    const place = new Place(destination, { ...options, onEnd: end }, this.#positions.get(name));
    const live: Live<M> = { destination, name, place, take, end, current: undefined, receipt: undefined };
    this.#live.add(live);
    if (this.#client.connected) this.#subscribe(live);
    return {
      unsubscribe: (keep = false) => {
        if (!this.#live.has(live)) return;
        this.#remove(live);
        if (keep) this.#positions.set(name, place.kept);
        if (this.#client.connected) live.current?.unsubscribe();
      },
    };
  }

  publish(publication: Publication, { retry = false }: { retry?: boolean } = {}): Promise<void> {
    if (retry) return this.#unconfirmed.publish(publication);
    return new Promise((resolve) => {
      this.#client.publish(publication);
      resolve();
    });
  }

  place(destination: string, options: PlaceOptions = {}): Place {
    const name = nameOf(destination, options.headers);
    const place = new Place(destination, options, this.#positions.get(name));
    this.#places.set(name, place);
    return place;
  }

  #connected(): void {
    for (const live of [...this.#live]) this.#subscribe(live);
    this.#unconfirmed.connected();
  }

  #subscribe(live: Live<M>): void {
    const { destination, place, take } = live;
    const receipt = uuid();
    live.receipt = receipt;
    this.#client.watchForReceipt(receipt, () => place.confirmed());
    live.current = this.#client.subscribe(
      destination,
      (message) => {
        if (!place.accept(message)) return;
        take(message);
        place.taken(message);
      },
      { ...place.headers(), receipt },
    );
  }

  #failed({ headers }: StompFrame): void {
    const reason = headers.message ?? "";
    const receiptId = headers["receipt-id"];
    this.#unconfirmed.refused(receiptId, reason);
    if (receiptId === undefined || headers.retry !== "never") return;
    for (const live of [...this.#live]) if (live.receipt === receiptId) live.end(reason);
  }

  #remove(live: Live<M>): void {
    live.place.stop();
    this.#live.delete(live);
    this.#positions.set(live.name, undefined);
  }

  #save(): void {
    for (const { name, place } of this.#live) this.#positions.set(name, place.kept);
    for (const [name, place] of this.#places) this.#positions.set(name, place.kept);
    this.#positions.save();
  }
}

/** Messages under two selectors are two subscriptions. */
function nameOf(destination: string, headers: StompHeaders = {}): string {
  return headers.selector === undefined ? destination : `${destination} ${headers.selector}`;
}

/** Pages of phones are hidden, and never left. */
function whenHidden(save: () => void): void {
  if (typeof document === "undefined") return;
  addEventListener("pagehide", save);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") save();
  });
}
