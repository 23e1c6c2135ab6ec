import type { Clock } from "../../clock/clock.js";
import type { DestinationPattern } from "../../destination/pattern.js";
import { MessageDeliveryError } from "../../errors.js";
import type { EventPublisher } from "../../events.js";
import { printable } from "../../logger.js";
import { type Message, type MessageHeaders, NO_PAYLOAD } from "../../message/message.js";
import { NativeHeaders } from "../../message/native-headers.js";
import { saying } from "../../message/reserved-headers.js";
import type { KeptView } from "../../observe/views.js";
import { isPromise } from "../../promise.js";
import { Publication } from "../publication.js";
import type { Turns } from "../turns.js";
import type { HistoryPage, HistoryQuery } from "./history-page.js";
import type { HistoryRules } from "./history-rules.js";
import type { Found, HistoryStore, Unfound } from "./history-store.js";
import { MemoryHistory } from "./memory-history.js";
import type { Positions } from "./positions.js";
import { Replay } from "./replay.js";

/** So many destinations have a window, whatever their messages take: each costs a look when a pattern is asked about. */
const DESTINATION_LIMIT = 10_000;

export interface HistoryContext {
  readonly rules: HistoryRules;
  readonly positions: Positions;
  /** Bytes of all that is kept. */
  readonly sizeLimit: number;
  /** How many messages one SUBSCRIBE may get. */
  readonly replayLimit: number;
  readonly clock: Clock;
  readonly events: EventPublisher;
  readonly turns: Turns;
  /** Default: memory. */
  readonly store?: HistoryStore | undefined;
}

/** A subscription that may come back. */
export interface Returning {
  readonly sessionId: string;
  readonly pattern: DestinationPattern;
  readonly isPrivate: boolean;
  readonly removed: boolean;
  wants(publication: Publication): boolean;
  /** Is sent this at once, and nothing is counted against it. */
  mark(marker: Publication): void;
  /** Is given this before all that is live. */
  replay(replay: Replay): void;
  /** Its replay is over. */
  endReplay(): void;
  /** Is given what waits for it. */
  goOn(): void;
}

/** The answer to a `since`, as its marker and the event say it. */
interface Answer {
  readonly position: string;
  readonly replayed: number;
  readonly reason: Unfound | "epoch" | "none" | undefined;
}

/**
 * Keeps messages, and gives those who come back what they have missed: all of
 * it, or the word that they have to load anew. A client asks by the header
 * `since` of SUBSCRIBE, and is answered by a marker before anything else: an
 * empty MESSAGE on the subscription, with `recovered`, `replayed` and the
 * position behind which it hears everything.
 */
export class History {
  /** Whether any messages are kept. */
  readonly isOn: boolean;
  readonly #context: HistoryContext;
  readonly #store: HistoryStore;
  /** The subscriptions that count on it to tell what is missing. */
  readonly #returning = new WeakMap<Returning, { readonly principal: MessageHeaders["user"] }>();
  /** The messages that were made for those who come back in this turn: one object for all of them, so that it is encoded once. */
  #ofTurn:
    | { readonly markers: Map<string, Publication>; readonly missed: Map<Publication, Publication> }
    | undefined;

  constructor(context: HistoryContext) {
    const { rules, clock, sizeLimit } = context;
    this.#context = context;
    this.isOn = !rules.isEmpty;
    this.#store =
      context.store ??
      new MemoryHistory({
        boundsOf: (destination) => rules.boundsOf(destination),
        destinationLimit: DESTINATION_LIMIT,
        sizeLimit,
        shortestTtl: rules.shortestTtl,
        clock,
      });
  }

  /** Whether messages of a destination are kept, of a user's own too. */
  keeps(destination: string): boolean {
    return this.#context.rules.boundsOf(destination) !== undefined;
  }

  /** Tells how much is kept of each destination. */
  views(): Iterable<KeptView> {
    return this.#store.views?.("history") ?? [];
  }

  /** Keeps a message, if it is to be kept. @param user the user whom it is for, if it is not for everybody @param age how long ago it was published, in ms, if that was not now */
  keep(publication: Publication, user?: string, age?: number): void {
    publication.isInHistory = this.#store.keep(publication, user, age);
  }

  /** Something is missing that was published by now: whoever asks for it, or counts on it, is told to load anew. */
  missed(subscriptions: Iterable<Returning>): void {
    if (!this.isOn) return;
    this.#store.restart(this.#context.positions.top);
    for (const subscription of subscriptions) {
      const user = this.#returning.get(subscription);
      if (user === undefined || subscription.removed) continue;
      this.#tell(subscription, user.principal, { position: this.#top, replayed: 0, reason: "trimmed" });
    }
  }

  /** Answers a SUBSCRIBE that has `since`. The promise of an answer that takes time never rejects. */
  subscribed(subscription: Returning, { native, user }: MessageHeaders): Promise<void> | undefined {
    const since = native.get("since");
    if (since === undefined) return undefined;

    const { rules, positions, replayLimit, turns } = this.#context;
    const { pattern, isPrivate } = subscription;
    const tell = (answer: Answer) => this.#tell(subscription, user, answer);
    // A stranger's own destinations end with the session: nothing is kept for whoever comes next.
    const isKept = rules.covers(pattern) && (!isPrivate || user !== undefined);
    if (isKept) this.#returning.set(subscription, { principal: user });
    if (since === "now") {
      subscription.mark(this.#marker(pattern.text, this.#top, { recovered: isKept, replayed: 0 }));
      return undefined;
    }
    const after = since === "first" ? since : positions.numberOf(since);
    if (!isKept || after === undefined) {
      tell({ position: this.#top, replayed: 0, reason: isKept ? "epoch" : "none" });
      return undefined;
    }

    const question = { pattern, user: isPrivate ? user?.name : undefined, limit: replayLimit };
    const replay = new Replay({
      find: (number) => this.#store.find({ ...question, after: number }),
      wants: (publication) => subscription.wants(publication),
      marked: (publication) => this.#mark(publication),
      failed: (reason) => tell({ position: this.#top, replayed: 0, reason }),
      goOn: () => void turns.take(() => subscription.goOn()),
      limit: replayLimit,
      isFromFirst: after === "first",
    });
    const begin = (found: Found) => {
      if (subscription.removed) return;
      if ("reason" in found) {
        replay.fail(found.reason);
        subscription.endReplay();
        return;
      }
      const [first] = found.kept;
      const beforeFirst = first ? positions.idOf(first.number - 1) : this.#top;
      replay.begin(found.kept, after === "first" ? positions.top : after);
      tell({
        // Were it the top, a client that is cut in the middle of its replay would never miss the rest.
        position: after === "first" ? beforeFirst : since,
        replayed: replay.length,
        reason: undefined,
      });
    };
    subscription.replay(replay);
    const found = this.#store.find({ ...question, after });
    if (!isPromise(found)) {
      begin(found);
      return undefined;
    }
    const answered = Promise.resolve(found).catch((): Found => ({ reason: "trimmed" }));
    return answered.then((answer) =>
      turns.take(() => {
        begin(answer);
        subscription.goOn();
      }),
    );
  }

  /**
   * Gives messages of a destination, or of all that fit a pattern.
   *
   * @param user whose own destination it is, if it is not everybody's
   * @throws MessageDeliveryError (rejects with it) when they are not kept, or the pattern takes too long to look for
   */
  async page(
    pattern: DestinationPattern,
    user: string | undefined,
    query: HistoryQuery,
  ): Promise<HistoryPage> {
    const { since, limit, reverse = false } = query;
    if (!this.#context.rules.covers(pattern)) {
      const what = `${printable(pattern.text)}: it is not among history.destinations of simpleBroker`;
      throw new MessageDeliveryError(`No history is kept of ${what}`);
    }
    const position = this.#top;
    const after = since === undefined ? "first" : this.#context.positions.numberOf(since);
    if (after === undefined) return { position, recovered: false, messages: [] };

    const found = await this.#store.find({ pattern, user, after, limit: Number.POSITIVE_INFINITY });
    if ("reason" in found) {
      // With no limit to their number, it is the search that was too long: an empty page would say that nothing is there.
      if (found.reason === "limit") throw tooLong(pattern);
      return { position, recovered: false, messages: [] };
    }
    const kept = reverse ? found.kept.toReversed() : found.kept;
    const messages = kept
      .slice(0, limit)
      .flatMap(({ publication }) => (publication ? copyOf(publication) : []));
    return { position, recovered: true, messages };
  }

  close(): void {
    this.#store.close();
  }

  get #top(): string {
    const { positions } = this.#context;
    return positions.idOf(positions.top);
  }

  #tell(subscription: Returning, user: MessageHeaders["user"], answer: Answer): void {
    const { position, replayed, reason } = answer;
    const { sessionId, pattern } = subscription;
    const recovered = reason === undefined;
    subscription.mark(this.#marker(pattern.text, position, { recovered, replayed }));
    const destination = pattern.text;
    this.#context.events.publish("recovered", { sessionId, user, destination, recovered, replayed, reason });
  }

  #marker(
    destination: string,
    messageId: string,
    { recovered, replayed }: { readonly recovered: boolean; readonly replayed: number },
  ): Publication {
    const { markers } = this.#made;
    const name = `${messageId} ${recovered} ${replayed} ${destination}`;
    let marker = markers.get(name);
    if (!marker) {
      const native = saying(NativeHeaders.EMPTY, { recovered: `${recovered}`, replayed: `${replayed}` });
      const headers = { messageType: "MESSAGE", destination, messageId, native } as const;
      marker = new Publication(0, { payload: NO_PAYLOAD, headers });
      markers.set(name, marker);
    }
    return marker;
  }

  #mark(publication: Publication): Publication {
    const { missed } = this.#made;
    let marked = missed.get(publication);
    if (!marked) {
      marked = publication.with(saying(publication.headers.native, { replayed: "true" }));
      missed.set(publication, marked);
    }
    return marked;
  }

  get #made() {
    if (!this.#ofTurn) {
      this.#ofTurn = { markers: new Map(), missed: new Map() };
      setImmediate(() => {
        this.#ofTurn = undefined;
      });
    }
    return this.#ofTurn;
  }
}

function tooLong({ text }: DestinationPattern): MessageDeliveryError {
  return new MessageDeliveryError(
    `No history is given: ${printable(text)} has to be looked for all over too many destinations. ` +
      "A pattern that has nothing between two wildcards, such as /topic/room/*, needs no search",
  );
}

/** The application may write into what it is given. */
function copyOf({ payload, headers }: Publication): Message {
  return { payload: Uint8Array.from(payload), headers };
}
