import type { Reader } from "../channel/patience.js";
import { isBinary } from "../message/content-type.js";
import { Delivery, QueueDelivery, ReplayDelivery } from "../message/delivery.js";
import { type Message, NO_PAYLOAD } from "../message/message.js";
import { octetsOf } from "../message/octets.js";
import { SharedMessage } from "../socket/shared-message.js";
import type { Socket } from "../socket/socket.js";
import { encodeOctets, HEART_BEAT, type WrittenFrame } from "../stomp/encoder.js";
import type { Frame } from "../stomp/frame.js";
import type { StompVersion } from "../stomp/version.js";
import { type Droppable, SendQueue } from "./send-queue.js";
import type { SessionContext } from "./session-context.js";
import { type AnnouncedSession, announceLimit } from "./session-events.js";

/** Bytes that a WebSocket puts before a message, at most. */
const FRAME_HEAD = 10;

const EOL = new SharedMessage(octetsOf(HEART_BEAT), false);

/** Writes one session's frames. */
export class Outbound implements Reader {
  /** Told by the session once it is agreed; ERROR before that is written as 1.2. */
  version: StompVersion = "1.2";
  readonly #session: AnnouncedSession;
  readonly #context: SessionContext;
  readonly #socket: Socket;
  /** The socket is asked how much waits in it once more than this could. */
  readonly #unasked: number;
  /** Only where messages may be dropped: else the socket holds all that waits. */
  readonly #queue: SendQueue | undefined;
  #given = 0;
  #frames = 0;
  #isOver = false;
  #passed = 0;
  /** The bytes that waited when the socket was last asked, and all that it was given since: no less than wait now. */
  #waitingAtMost = 0;
  /** A promise for all that wait for room, and how it is kept. */
  #room: { readonly made: Promise<void>; make(): void } | undefined;

  constructor(socket: Socket, context: SessionContext, session: AnnouncedSession) {
    this.#session = session;
    this.#context = context;
    this.#socket = socket;
    const { sendBufferSizeLimit, overflowStrategy } = context.limits;
    const mayDrop = overflowStrategy !== "terminate";
    // A transport may make more of what it is given; in front of a queue the socket is always asked.
    const { sendShared, longest = 1 } = socket;
    this.#unasked = sendShared && !mayDrop ? sendBufferSizeLimit / 4 / longest : -1;
    if (!mayDrop) return;

    this.#queue = new SendQueue({
      limit: sendBufferSizeLimit,
      buffered: () => this.watchBuffer(),
      give: (message) => this.#give(message),
      dropped: (first) => {
        context.stats.messagesDropped++;
        if (first) announceLimit(session, "sendBufferSizeLimit", context);
      },
    });
  }

  /** Gives how many bytes in the socket the client has not yet taken, and has `drained` called when it has. */
  watchBuffer(): number {
    return this.#socket.watchBuffer();
  }

  /** Bytes that the socket was given so far. */
  get given(): number {
    return this.#given;
  }

  /** Frames that were written, those included that wait. */
  get frames(): number {
    return this.#frames;
  }

  /** Looks whether anything waits that has not left the process. */
  checkWaiting(): boolean {
    return this.measureWaiting() > 0;
  }

  /** Gives how many bytes have not left the process: at interceptors, in front of the socket, and in it. */
  measureWaiting(): number {
    const heldUp = this.#context.clientOutboundChannel.waiting(this.#session.id);
    return heldUp + (this.#queue?.size ?? 0) + this.watchBuffer();
  }

  /** Looks whether more waits than may, and nothing of it may be dropped. */
  checkOverflow(): boolean {
    return this.#checkOverflow(this.watchBuffer());
  }

  /**
   * Looks whether another MESSAGE may be written; its sender is held up if it
   * will have to wait for others. Asks the socket only when what it was given
   * could be too much.
   */
  takeRoom(): boolean {
    if (this.#waitingAtMost <= this.#unasked) return true;

    const buffered = this.watchBuffer();
    if (this.#isCrowded(buffered)) this.#context.pace.behind(this);
    return !this.#checkOverflow(buffered);
  }

  /** A message for the client has to wait for interceptors. */
  heldUp(): void {
    if (!this.#hasRoomUnasked() && this.#isCrowded(this.watchBuffer())) this.#context.pace.behind(this);
  }

  waitsForCaller(): boolean {
    return this.#context.clientOutboundChannel.isInside(this.#session.id);
  }

  /** How much has left for the client: 1 is as much as may wait for it. */
  measureTaken(): number {
    const { sendBufferSizeLimit } = this.#context.limits;
    return (this.#given - this.watchBuffer()) / sendBufferSizeLimit + (this.#socket.delivered ?? 0);
  }

  get passed(): number {
    return this.#passed;
  }

  get id(): string {
    return this.#session.id;
  }

  /** Interceptors are done with a message for the client. */
  letPass(): void {
    if (this.#room === undefined && this.#hasRoomUnasked()) {
      this.#passed++;
      return;
    }
    if (!this.#isCrowdedBehindInterceptors(this.watchBuffer())) this.#passed++;
    this.drained();
  }

  /** The socket may have room. */
  drained(): void {
    this.#queue?.pump();
    if (this.#room && !this.#isCrowded(this.watchBuffer())) this.release();
  }

  /** Whether nothing is written any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Writes something behind the messages that still wait for interceptors; nothing, if it is over by then. */
  inTurn(write: () => void): void {
    const { clientOutboundChannel } = this.#context;
    if (clientOutboundChannel.intercepted) {
      clientOutboundChannel.behind(this.#session.id, () => {
        if (!this.#isOver) write();
      });
    } else if (!this.#isOver) write();
  }

  /** Nothing is written any more: leaves. */
  end(leave: () => void): void {
    if (this.#isOver) return;
    this.#isOver = true;
    leave();
  }

  /** The same behind the messages that still wait for interceptors, which have `handlerTimeout` for all of them. */
  endInTurn(leave: () => void): void {
    this.inTurn(() => this.end(leave));
    const { handlerTimeout } = this.#context;
    if (!this.#isOver && handlerTimeout > 0) this.#context.clock.after(handlerTimeout, () => this.end(leave));
  }

  /** Leaves it to the socket to send what waits. */
  flush(): void {
    this.#queue?.flush();
  }

  /** A promise to wait for before more is sent, far below the limit; `undefined` if there is room. Never rejects. */
  room(): Promise<void> | undefined {
    if (!this.#isCrowded(this.watchBuffer())) return undefined;
    if (!this.#room) {
      let make = () => {};
      const made = new Promise<void>((resolve) => {
        make = resolve;
      });
      this.#room = { made, make };
    }
    return this.#room.made;
  }

  /** Keeps that promise. */
  release(): void {
    this.#room?.make();
    this.#room = undefined;
  }

  /** Whether there is room whatever the socket would say: to ask it for each message that waits costs more than the waiting. */
  #hasRoomUnasked(): boolean {
    if (this.#socket.crowded === true || this.#waitingAtMost > this.#unasked) return false;
    const atInterceptors = this.#context.clientOutboundChannel.waiting(this.#session.id);
    return atInterceptors + this.#waitingAtMost <= this.#unasked;
  }

  #checkOverflow(buffered: number): boolean {
    const waiting = this.#queue ? this.#queue.size : buffered;
    this.#waitingAtMost = waiting;
    return waiting > this.#context.limits.sendBufferSizeLimit;
  }

  /** Whether more waits than should: for interceptors, for the socket, and in it. */
  #isCrowded(buffered: number): boolean {
    return this.#isTooMuch(buffered, this.#context.clientOutboundChannel.waiting(this.#session.id));
  }

  #isCrowdedBehindInterceptors(buffered: number): boolean {
    return this.#isTooMuch(buffered, 0);
  }

  #isTooMuch(buffered: number, atInterceptors: number): boolean {
    if (this.#socket.crowded === true) return true;

    const waiting = atInterceptors + (this.#queue?.size ?? 0);
    // In front of a queue the socket is kept busy: only what is behind that is too much.
    const isBusy = this.#queue !== undefined && waiting === 0;
    return !isBusy && waiting + buffered > this.#context.limits.sendBufferSizeLimit / 4;
  }

  /** Whether `probe` is answered by the client's end of the line. */
  get isProbed(): boolean {
    return this.#socket.probe !== undefined;
  }

  /** Notices a line that broke while nothing is read from it. */
  probe(): void {
    this.#socket.probe?.();
  }

  /** An EOL, unless frames wait, which say as much. */
  heartBeat(): void {
    if (!this.#queue?.size) this.#give(EOL);
  }

  message(message: Message): void {
    const encoded = this.#context.encoder.encode(message, this.version);
    const { stats, taps } = this.#context;
    stats.messagesSent++;
    if (taps.isOn) taps.given(this.#session, message);
    this.#send(encoded, this.#queue !== undefined && this.#droppable(message));
  }

  receipt(receiptId: string): void {
    this.frame({ command: "RECEIPT", headers: [["receipt-id", receiptId]], body: NO_PAYLOAD });
  }

  /** In its turn. */
  error(frame: Omit<Frame, "command">): void {
    this.inTurn(() => this.frame({ command: "ERROR", ...frame }));
  }

  /** Writes a frame that nobody shares. */
  frame(frame: WrittenFrame): void {
    const { stats, taps } = this.#context;
    stats.wrote(frame.command);
    if (taps.isOn) taps.written(this.#session, frame);
    this.#send(new SharedMessage(encodeOctets(frame, this.version), isBinary(frame.body)), false);
  }

  #droppable(message: Message): Droppable {
    if (!isDroppable(message)) return false;
    return this.#context.limits.overflowStrategy !== "keep-latest" || { subject: subjectOf(message) };
  }

  #send(message: SharedMessage, droppable: Droppable): void {
    this.#frames++;
    if (this.#queue) this.#queue.send(message, droppable);
    else this.#give(message);
  }

  #give(message: SharedMessage): void {
    this.#given += message.length;
    this.#waitingAtMost += message.length + FRAME_HEAD;
    if (this.#socket.sendShared) this.#socket.sendShared(message);
    else this.#socket.send(message.bytes, message.binary);
  }
}

/** The subject of a message: a newer one of the same destination, on the same subscription, makes it stale. */
export function subjectOf(message: Message): string {
  const { headers } = message instanceof Delivery ? message.publication : message;
  const id = message instanceof Delivery ? message.subscriptionId : headers.subscriptionId;
  // Neither has a NUL.
  return `${headers.destination}\0${id}`;
}

/**
 * Whether a message may be dropped for newer ones. Not a queue's, which nobody else has; nor what was missed; nor one to acknowledge, of
 * which the broker keeps account: a client that is to acknowledge what it never saw would wait for ever.
 */
export function isDroppable(message: Message): boolean {
  if (!(message instanceof Delivery)) {
    return message.headers.ackId === undefined && message.headers.subscription?.isOwed !== true;
  }
  return (
    message.ackId === undefined && !(message instanceof QueueDelivery || message instanceof ReplayDelivery)
  );
}
