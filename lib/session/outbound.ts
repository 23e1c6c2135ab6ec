import { isUtf8 } from "node:buffer";
import { Delivery } from "../message/delivery.js";
import type { Message } from "../message/message.js";
import { NO_PAYLOAD } from "../message/message.js";
import { NativeHeaders } from "../message/native-headers.js";
import type { Socket } from "../socket/socket.js";
import type { ServerCommand } from "../stomp/command.js";
import { encode, HEART_BEAT } from "../stomp/encoder.js";
import type { Frame } from "../stomp/frame.js";
import type { StompVersion } from "../stomp/version.js";
import type { MessageEncoder } from "./message-encoder.js";
import { SendQueue } from "./send-queue.js";
import type { SessionLimits } from "./session-limits.js";
import type { SessionStats } from "./session-stats.js";

export interface OutboundOptions {
  readonly socket: Socket;
  readonly encoder: MessageEncoder;
  readonly limits: Pick<SessionLimits, "sendBufferSizeLimit" | "overflowStrategy">;
  readonly stats: SessionStats;
  /** The first MESSAGE since nothing waited was dropped. */
  dropping(): void;
}

/** Bytes that a WebSocket puts before a message, at most. */
const FRAME_HEAD = 10;

/** Writes one session's frames: the only place that makes CONNECTED, RECEIPT and ERROR. */
export class Outbound {
  /** Told by the session once it is agreed; ERROR before that is written as 1.2. */
  version: StompVersion = "1.2";
  readonly #options: OutboundOptions;
  readonly #socket: Socket;
  /** Only with `drop-oldest`: else the socket holds all that waits. */
  readonly #queue: SendQueue | undefined;
  #given = 0;
  /** What waited when the socket was last asked, and all that it was given since: no less than waits now. */
  #waitingAtMost = 0;
  /** Whether that holds: a transport that rewrites what it is given may make more of it. */
  readonly #reckons: boolean;
  /** Who waits for room, and how they are told. */
  #room: { readonly made: Promise<void>; make(): void } | undefined;

  constructor(options: OutboundOptions) {
    this.#options = options;
    this.#socket = options.socket;
    const { sendBufferSizeLimit, overflowStrategy } = options.limits;
    this.#reckons = overflowStrategy === "terminate" && options.socket.sendShared !== undefined;
    if (overflowStrategy === "terminate") return;

    this.#queue = new SendQueue({
      limit: sendBufferSizeLimit,
      buffered: () => this.buffered,
      give: (bytes, binary) => this.#give(bytes, binary),
      dropped: (first) => {
        options.stats.messagesDropped++;
        if (first) options.dropping();
      },
    });
  }

  /** Bytes in the socket that the client has not yet taken. */
  get buffered(): number {
    return this.#socket.bufferedAmount;
  }

  /** Bytes that the socket was given so far. */
  get given(): number {
    return this.#given;
  }

  /** Whether anything waits that has not left the process. */
  get waits(): boolean {
    return this.buffered > 0 || (this.#queue?.size ?? 0) > 0;
  }

  /** Whether more waits than may, and nothing of it may be dropped. */
  get overflowing(): boolean {
    const waiting = this.#queue ? this.#queue.size : this.buffered;
    this.#waitingAtMost = waiting;
    return waiting > this.#options.limits.sendBufferSizeLimit;
  }

  /** Whether another frame may be written. Asks the socket only when what it was given could be too much. */
  get hasRoom(): boolean {
    if (this.#reckons && this.#waitingAtMost <= this.#options.limits.sendBufferSizeLimit) return true;
    return !this.overflowing;
  }

  /** The socket may have room. */
  drained(): void {
    this.#queue?.pump();
    if (this.#room && !this.#crowded) this.release();
  }

  /** Leaves it to the socket to send what waits. */
  flush(): void {
    this.#queue?.flush();
  }

  /** What to wait for before more is sent, far below the limit; `undefined` if there is room. Never rejects. */
  room(): Promise<void> | undefined {
    if (!this.#crowded) return undefined;
    if (!this.#room) {
      let make = () => {};
      const made = new Promise<void>((resolve) => {
        make = resolve;
      });
      this.#room = { made, make };
    }
    return this.#room.made;
  }

  /** Lets go who waits for room. */
  release(): void {
    this.#room?.make();
    this.#room = undefined;
  }

  /** Where the oldest may be dropped, nobody is asked to wait: who reads slowly is to get what is new. */
  get #crowded(): boolean {
    return !this.#queue && this.buffered > this.#options.limits.sendBufferSizeLimit / 4;
  }

  /** An EOL, unless frames wait, which say as much. */
  heartBeat(): void {
    if (!this.#queue?.size) this.#give(HEART_BEAT, false);
  }

  connected(sessionId: string, userName: string | undefined, heartbeat: readonly [number, number]): void {
    const headers = {
      version: this.version,
      "heart-beat": heartbeat.join(","),
      server: "express-stomp",
      session: sessionId,
      // CONNECTED knows no escapes (STOMP 1.2, Value Encoding): a name with line breaks cannot be said.
      "user-name": userName !== undefined && /[\r\n\0]/.test(userName) ? undefined : userName,
    };
    this.#send("CONNECTED", headers);
  }

  message(message: Message): void {
    const encoded = this.#options.encoder.encode(message, this.version);
    this.#options.stats.messagesSent++;
    if (this.#queue) {
      this.#queue.send(encoded.bytes, encoded.binary, !isToAcknowledge(message));
    } else if (this.#socket.sendShared) {
      this.#count(encoded.length);
      this.#socket.sendShared(encoded);
    } else {
      this.#give(encoded.bytes, encoded.binary);
    }
  }

  receipt(receiptId: string): void {
    this.#send("RECEIPT", { "receipt-id": receiptId });
  }

  error(frame: Omit<Frame, "command">): void {
    this.#options.stats.errorsSent++;
    this.#write({ command: "ERROR", ...frame });
  }

  #send(command: ServerCommand, headers: Record<string, string | undefined>): void {
    this.#write({ command, headers: NativeHeaders.of(headers), body: NO_PAYLOAD });
  }

  #write(frame: Frame): void {
    const bytes = encode(frame, this.version);
    const binary = !isUtf8(frame.body);
    if (this.#queue) this.#queue.send(bytes, binary, false);
    else this.#give(bytes, binary);
  }

  #give(bytes: Uint8Array, binary: boolean): void {
    this.#count(bytes.length);
    this.#socket.send(bytes, binary);
  }

  #count(bytes: number): void {
    this.#given += bytes;
    this.#waitingAtMost += bytes + FRAME_HEAD;
  }
}

/** Of such the broker keeps account: a client that is to acknowledge what it never saw would wait for ever. */
function isToAcknowledge(message: Message): boolean {
  return (message instanceof Delivery ? message : message.headers).ackId !== undefined;
}
