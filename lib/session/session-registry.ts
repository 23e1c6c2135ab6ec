import type { MessageHandler } from "../channel/message-handler.js";
import { MessageDeliveryError } from "../errors.js";
import type { HandshakeRefusal } from "../events.js";
import { Delivery } from "../message/delivery.js";
import type { Message, SessionHeaders } from "../message/message.js";
import type { SessionView } from "../observe/views.js";
import { addressOf } from "../socket/address.js";
import type { Handshake, Socket } from "../socket/socket.js";
import type { ClientSession, SessionOwner } from "./client-session.js";
import { Deduplication } from "./deduplication.js";
import { isDroppable, subjectOf } from "./outbound.js";
import { Session } from "./session.js";
import type { SessionContext } from "./session-context.js";
import { announceLimit } from "./session-events.js";
import { type SessionCounts, SessionStats } from "./session-stats.js";

export interface SessionClosing {
  /** A WebSocket close code. */
  readonly code: number;
  readonly reason: string;
}

/** How long clients may take to answer the closing, in ms. */
const LINGER = 5_000;

export interface SessionRegistryContext extends Omit<SessionContext, "stats" | "deduplication"> {
  /** Whether a SEND whose `dedup-id` its user has sent already is answered, and not handled. Default: no. */
  readonly deduplicate?: boolean;
}

/** All sessions: makes one of every socket, and takes each message of `clientOutboundChannel` to its own. */
export class SessionRegistry implements MessageHandler, SessionOwner {
  readonly name = "sessions";
  readonly #sessions = new Map<string, Session>();
  /** How many connections an address has; kept only where there is a limit of them. */
  readonly #byAddress: Map<string, number> | undefined;
  readonly #unconnected = new Set<ClientSession>();
  readonly #context: SessionRegistryContext;
  readonly #sessionContext: SessionContext;
  readonly #stats = new SessionStats();
  /** Those whose end `close` waits for. */
  readonly #closing = new Set<ClientSession>();
  #whenClosed: (() => void) | undefined;

  constructor(context: SessionRegistryContext) {
    this.#context = context;
    if (Number.isFinite(context.limits.connectionsPerAddressLimit)) this.#byAddress = new Map();
    const deduplication = context.deduplicate ? new Deduplication(context.clock, this.#stats) : undefined;
    this.#sessionContext = { ...context, stats: this.#stats, deduplication };
    context.events.on("messageDropped", () => {
      this.#stats.messagesDroppedByBroker++;
    });
    context.events.on("recovered", ({ recovered }) => {
      if (recovered) this.#stats.recovered++;
      else this.#stats.notRecovered++;
    });
    context.events.on("detachedStarted", () => {
      this.#stats.detachedStarted++;
    });
    context.events.on("detachedEnded", ({ how }) => {
      if (how === "end") this.#stats.detachedEnded++;
      else this.#stats.detachedFailed++;
    });
  }

  /** Whether no session is there. */
  get isEmpty(): boolean {
    return this.#sessions.size === 0;
  }

  get stats(): SessionCounts {
    return this.#stats.snapshot(this.#sessions.values(), this.#sessions.size - this.#unconnected.size);
  }

  /** The sessions as they are: each when it is asked for, also while others come and go. */
  *views(): Generator<SessionView> {
    for (const session of this.#sessions.values()) yield session.view;
  }

  /** One of them; `undefined` when it is not there. */
  viewOf(sessionId: string): SessionView | undefined {
    return this.#sessions.get(sessionId)?.view;
  }

  /**
   * The limit that one more client from there would pass, announced; `undefined` when it may connect.
   *
   * @param waiting how many lines are on their way to a session
   */
  limitPassedBy(address: string, waiting = 0): string | undefined {
    const { connectionLimit, connectionsPerAddressLimit, unconnectedLimit } = this.#context.limits;
    const limit =
      this.#sessions.size >= connectionLimit
        ? "connectionLimit"
        : (this.#byAddress?.get(address) ?? 0) >= connectionsPerAddressLimit
          ? "connectionsPerAddressLimit"
          : this.#unconnected.size + waiting >= unconnectedLimit
            ? "unconnectedLimit"
            : undefined;
    if (limit !== undefined) this.limitExceeded(limit, { address, user: undefined });
    return limit;
  }

  /** Counts and announces a handshake of which no connection came. */
  refused(refusal: HandshakeRefusal): void {
    this.#stats.handshakeRefused(refusal.reason);
    const address = addressOf(refusal.request);
    this.#context.events.publish("handshakeRefused", { ...refusal, address });
  }

  /** Announces a limit that a client passed outside of its session. */
  limitExceeded(limit: string, { address, user }: Pick<Handshake, "address" | "user">): void {
    announceLimit({ id: undefined, user, address }, limit, this.#sessionContext);
  }

  open(socket: Socket, handshake: Handshake): void {
    const session = new Session(socket, handshake, this.#sessionContext, this);
    this.#sessions.set(session.id, session);
    this.#unconnected.add(session);
    this.#byAddress?.set(session.address, (this.#byAddress.get(session.address) ?? 0) + 1);
    this.#stats.connectionsOpened++;
    socket.listen(session);
  }

  connected(session: ClientSession): void {
    this.#unconnected.delete(session);
  }

  gone(session: ClientSession, code: number): void {
    const counted = this.#sessions.get(session.id);
    if (counted) this.#stats.ended(counted, code);
    this.#sessions.delete(session.id);
    this.#unconnected.delete(session);
    this.#sessionContext.deduplication?.gone(session);
    const others = (this.#byAddress?.get(session.address) ?? 1) - 1;
    if (others > 0) this.#byAddress?.set(session.address, others);
    else this.#byAddress?.delete(session.address);
    this.abandoned(session);
  }

  /**
   * Hands a message to its session; what is for a session or subscription that has ended is dropped.
   *
   * @throws MessageDeliveryError when that was to be acknowledged, or is a queue's: somebody else can have it
   */
  handle(message: Message): void {
    const isGone = message instanceof Delivery ? message.gone : message.headers.subscription?.gone;
    if (!isGone && this.#sessionOf(message)?.deliver(message)) return;
    const { ackId, subscription } = message.headers;
    if ((isGone && ackId !== undefined) || (subscription?.isOwed === true && ackId === undefined))
      throw new MessageDeliveryError("Its subscription has ended");
  }

  /** Ends a session for which too much waits for the interceptors of `clientOutboundChannel`. */
  overflowed(message: Message): void {
    this.#sessionOf(message)?.exceeded("clientOutboundChannel");
  }

  /** A message waits for interceptors of `clientOutboundChannel`. */
  waits(message: Message): void {
    this.#sessionOf(message)?.outbound.heldUp();
  }

  /** A message for a session waits for interceptors no more. */
  left(sessionId: string): void {
    this.#sessions.get(sessionId)?.outbound.letPass();
  }

  /** Whether a message that waits for interceptors may be dropped for newer ones. */
  mayDrop(message: Message): boolean {
    return this.#context.limits.overflowStrategy !== "terminate" && isDroppable(message);
  }

  /** The subject of a message that a newer one makes stale; `undefined` if none does. */
  subject(message: Message): string | undefined {
    const { overflowStrategy } = this.#context.limits;
    return overflowStrategy === "keep-latest" && isDroppable(message) ? subjectOf(message) : undefined;
  }

  /** Counts a message that was dropped, as one that waited to be sent. */
  dropped(message: Message, first: boolean): void {
    this.#stats.messagesSent++;
    this.#stats.messagesDropped++;
    const session = first ? this.#sessionOf(message) : undefined;
    if (session) announceLimit(session, "sendBufferSizeLimit", this.#sessionContext);
  }

  /** Whether a session was ended from here, so that nothing more of what it has sent is begun. */
  isOver(sessionId: string | undefined): boolean {
    return sessionId !== undefined && this.#sessions.get(sessionId)?.ending.dropped === true;
  }

  /** The headers that messages of a session carry now; `undefined` when it is not there. */
  headersOf(sessionId: string): SessionHeaders | undefined {
    return this.#sessions.get(sessionId)?.messageHeaders;
  }

  /** A promise to wait for before a session is sent more of what can wait; `undefined` if it has room, or has ended. */
  room(sessionId: string): Promise<void> | undefined {
    return this.#sessions.get(sessionId)?.room();
  }

  /** The same for what is better lost than late. */
  roomForLive(sessionId: string): Promise<void> | undefined {
    return this.#context.limits.overflowStrategy === "terminate" ? this.room(sessionId) : undefined;
  }

  /** The same as senders wait for it: not long, if the session takes nothing. */
  roomInPace(sessionId: string): Promise<void> | undefined {
    const session = this.#sessions.get(sessionId);
    return session?.ended === false ? this.#context.pace.roomFor(session.outbound) : undefined;
  }

  /** Feeds sessions from outside of a channel; gives what to wait for before they are fed again. */
  feed(deliver: () => void): Promise<void> | undefined {
    const { pace } = this.#context;
    const mark = pace.begin();
    let room: Promise<void> | undefined;
    try {
      deliver();
    } finally {
      room = pace.end(mark);
    }
    return room;
  }

  /** Whether a session is there and has not ended. */
  isOpen(sessionId: string): boolean {
    return this.#sessions.get(sessionId)?.ended === false;
  }

  /**
   * Ends one session with ERROR: `false` when it is not there.
   *
   * @param isMeant whether the application wants its client gone
   */
  end(sessionId: string, error: Error, isMeant = false): boolean {
    const session = this.#sessions.get(sessionId);
    if (!session || session.closed) return false;

    session.fail(error, { isMeant });
    return true;
  }

  /** Reads from nobody any more. Resolves when what was received has been handled; all sessions stay. */
  async drain(): Promise<void> {
    await Promise.all([...this.#sessions.values()].map((session) => session.drain()));
  }

  /** One for each session that is there: it reads no more, and is closed when what it has sent was handled. */
  departures({ code, reason }: SessionClosing): (() => void)[] {
    return [...this.#sessions.values()].map((session) => () => {
      void session.drain().then(() => session.close(code, reason));
    });
  }

  /** Its line is closed, but frames of it are at work still: `close` waits for no such. */
  abandoned(session: ClientSession): void {
    if (this.#closing.delete(session) && this.#closing.size === 0) this.#whenClosed?.();
  }

  /**
   * Closes every session. Resolves when all have ended, but for what hangs of
   * them; or the last was cut because its client did not answer the closing.
   */
  async close({ code, reason }: SessionClosing): Promise<void> {
    for (const session of this.#sessions.values())
      if (!session.ending.socketIsClosed) this.#closing.add(session);
    for (const session of this.#sessions.values()) session.close(code, reason);
    if (await this.#closedWithin(LINGER)) return;

    for (const session of this.#sessions.values()) session.cut();
  }

  async #closedWithin(milliseconds: number): Promise<boolean> {
    if (this.#closing.size === 0) return true;

    await new Promise<void>((resolve) => {
      const stop = this.#context.clock.after(milliseconds, resolve, true);
      this.#whenClosed = () => {
        stop();
        resolve();
      };
    });
    return this.#closing.size === 0;
  }

  #sessionOf(message: Message): Session | undefined {
    const id = message instanceof Delivery ? message.sessionId : message.headers.sessionId;
    return id === undefined ? undefined : this.#sessions.get(id);
  }
}
