import { Socket as TcpSocket } from "node:net";
import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import { type Octets, octetsOf } from "../message/octets.js";
import { type CloseStatus, faultOf, shortReason } from "./close-status.js";
import { FrameRun } from "./frame-run.js";
import { HeldMessages } from "./held-messages.js";
import { flushAfterTurn, type Gathering } from "./loop-turn.js";
import { MessageBound } from "./message-bound.js";
import { isPlain } from "./plain-line.js";
import { SharedMessage } from "./shared-message.js";
import type { Socket, SocketListener } from "./socket.js";

/** So much is written without waiting for the end of the turn: a client that reads is to have it, not we. */
const GATHER_LIMIT = 64 * 1024;

/** To copy a message of this length costs more than a write of its own. */
const LONG_MESSAGE = 16 * 1024;

export interface WebSocketSocketOptions {
  /** Bytes of compressed messages that may be unpacked while the socket is paused. Default: any. */
  readonly unpackedLimit?: number;
  /**
   * Whether a handshake that agreed on compression agreed on what `deflate.ts` makes: a window of that size, and no
   * context from one message to the next. Else ws compresses. Default false.
   */
  readonly isContextFree?: boolean;
}

/**
 * A ws connection as a socket. Reads nothing until somebody listens. Messages
 * that it is sent in one turn of the event loop are written at once, past ws,
 * when that is safe; else each message goes through ws on its own.
 */
export class WebSocketSocket implements Socket, Gathering {
  readonly transport = "websocket";
  readonly #ws: WebSocket;
  readonly #line: Duplex;
  /** Whether messages are compressed, by us or by ws. */
  readonly #isCompressed: boolean;
  /** Bytes that may be unpacked while nobody reads: all that one read from the line held is. */
  readonly #unpackedLimit: number;
  /** How many were; `undefined` while somebody reads, and where nothing is packed. */
  #unpacked: number | undefined;
  #bound: MessageBound | undefined;
  /** The stream that ws writes to, if we may write to it too. */
  readonly #stream: TcpSocket | undefined;
  /** Whether what is written may go past the stream's buffer too. */
  readonly #pastBuffer: boolean;
  /** Bytes that went past the buffer and have not left the process. */
  #leaving = 0;
  #gathered: FrameRun | undefined;
  /** Messages that are sent while one is being compressed, that one first. */
  #held: HeldMessages | undefined;
  /** Messages that arrived before anybody listened: ws had read them when the line broke. */
  #early: Uint8Array[] | undefined;
  #listener: SocketListener | undefined;
  #isClosing = false;
  #isProbed = false;
  /** Somebody has asked how much waits, and may wait for it to leave. */
  #isWatched = false;
  #fault: CloseStatus | undefined;
  #closedWith: CloseStatus | undefined;

  /** @param line what the WebSocket was made of */
  constructor(
    ws: WebSocket,
    line: Duplex,
    { unpackedLimit = Number.POSITIVE_INFINITY, isContextFree = false }: WebSocketSocketOptions = {},
  ) {
    this.#ws = ws;
    this.#line = line;
    this.#isCompressed = ws.extensions !== "";
    this.#unpackedLimit = unpackedLimit;
    this.#stream = this.#isCompressed && !isContextFree ? undefined : writableBeside(line);
    this.#pastBuffer = this.#stream !== undefined && isPlain(this.#stream);
    ws.pause();
    ws.on("message", (data) => this.#receive(data as Buffer));
    ws.on("error", (error) => {
      this.#fault ??= faultOf(error);
    });
    ws.on("close", (code, reason) => this.#closed(code, reason));
  }

  watchBuffer(): number {
    this.#isWatched = true;
    const held = (this.#gathered?.length ?? 0) + (this.#held?.length ?? 0);
    return this.#ws.bufferedAmount + this.#leaving + held;
  }

  send(data: Uint8Array, binary: boolean): void {
    if (this.#ws.readyState !== this.#ws.OPEN) return;

    if (this.#stream !== undefined && (this.#isCompressed || data.length < LONG_MESSAGE)) {
      this.sendShared(new SharedMessage(octetsOf(data), binary));
    } else {
      this.flush();
      this.#ws.send(data, { binary }, () => this.#left());
    }
  }

  sendShared(message: SharedMessage): void {
    if (this.#stream === undefined) this.send(message.bytes, message.binary);
    // A closed one is found when it is written: to look at each delivery costs more.
    else if (!this.#isCompressed) this.#gather(message.frame);
    else this.#gatherCompressed(message);
  }

  /** Writes what was gathered. Nothing may follow a close frame: what the client's has overtaken is dropped. */
  flush(): void {
    const gathered = this.#gathered;
    if (gathered === undefined) return;

    this.#gathered = undefined;
    if (this.#ws.readyState !== this.#ws.OPEN) return;

    const { chunk } = gathered;
    if (typeof chunk === "string" && this.#mayPassBuffer) this.#writePastBuffer(chunk);
    // A stream that may not be passed is TLS in general, which copies text once more than bytes, and bytes are shared.
    else this.#stream?.write(this.#pastBuffer ? chunk : gathered.bytes, "latin1", () => this.#left());
  }

  pause(): void {
    if (this.#isClosing) return;

    this.#ws.pause();
    if (this.#isCompressed) this.#unpacked = 0;
  }

  boundMessages(bytes: number | undefined, exceeded = () => {}): void {
    this.#bound?.lift();
    this.#bound =
      bytes === undefined
        ? undefined
        : new MessageBound({ bytes, line: this.#line, isCompressed: this.#isCompressed, exceeded });
  }

  probe(): void {
    if (this.#ws.readyState !== this.#ws.OPEN) return;
    if (!this.#isProbed) this.#ws.on("pong", () => this.#listener?.answered?.());
    this.#isProbed = true;
    this.#ws.ping();
  }

  resume(): void {
    this.#unpacked = undefined;
    if (this.#listener !== undefined) this.#ws.resume();
  }

  close(code: number, reason: string): void {
    if (this.#isClosing) return;

    this.#isClosing = true;
    const close = () => {
      this.flush();
      this.#ws.close(code, shortReason(reason));
    };
    if (this.#held) this.#held.done = close;
    else close();
    // The client's own close frame is among what has not been read yet.
    this.#ws.resume();
  }

  terminate(): void {
    this.#isClosing = true;
    this.#held?.drop();
    this.#ws.terminate();
  }

  listen(listener: SocketListener): void {
    this.#listener = listener;
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const chunk of early) listener.data(chunk);
    const status = this.#closedWith;
    if (status !== undefined) queueMicrotask(() => tellClosed(listener, status));
    else this.#ws.resume();
  }

  #gather(frame: FrameRun): void {
    if (this.#gathered === undefined) {
      this.#gathered = frame;
      flushAfterTurn(this);
    } else {
      this.#gathered = this.#gathered.plus(frame);
    }
    if (this.#gathered.length >= GATHER_LIMIT) this.flush();
  }

  #gatherCompressed(message: SharedMessage): void {
    const frame = this.#held ? undefined : message.compressedFrame;
    if (frame) {
      this.#gather(frame);
    } else if (!this.#isClosing) {
      this.#held ??= new HeldMessages(
        (ready) => this.#gather(ready),
        () => {
          this.#held = undefined;
        },
      );
      this.#held.add(message);
    }
  }

  /** Only while nothing waits: then the buffer has nothing to do, and costs as much as all of ours. */
  get #mayPassBuffer(): boolean {
    if (!this.#pastBuffer || this.#leaving > 0) return false;

    const stream = this.#stream as TcpSocket;
    return stream.writableLength === 0 && stream.writable;
  }

  /** Nothing but text may go here: a Buffer with an encoding would end the process. */
  #writePastBuffer(octets: Octets): void {
    const stream = this.#stream as TcpSocket;
    this.#leaving = octets.length;
    stream._write(octets, "latin1", (error) => {
      this.#leaving = 0;
      if (error) stream.destroy(error);
      this.#left();
    });
  }

  /** Tells the listener, if it has asked how much waits. To tell it after each delivery, unasked, costs more. */
  #left(): void {
    if (!this.#isWatched) return;

    this.#isWatched = false;
    this.#listener?.drained();
  }

  #receive(data: Buffer): void {
    if (this.#isClosing) return;

    if (this.#bound?.fits(data) === false) return;
    if (this.#unpacked !== undefined) {
      this.#unpacked += data.length;
      if (this.#unpacked > this.#unpackedLimit) {
        const reason = "Too much was unpacked while the session did not read";
        this.#fault = { code: 1009, reason, limit: "unpackedSizeLimit" };
        this.terminate();
        return;
      }
    }

    if (this.#listener === undefined) {
      this.#early ??= [];
      this.#early.push(data);
    } else {
      this.#listener.data(data);
    }
  }

  #closed(code: number, reason: Buffer): void {
    this.#closedWith = this.#fault ?? { code, reason: reason.toString() };
    this.#isClosing = true;
    this.#held?.drop();
    if (this.#listener !== undefined) tellClosed(this.#listener, this.#closedWith);
  }
}

function tellClosed(listener: SocketListener, { code, reason, limit }: CloseStatus): void {
  listener.socketClosed(code, reason, limit);
}

/**
 * The stream, if whole frames may be written to it between those of ws. It holds
 * frames back only while it compresses one itself, and masks none; so its close
 * and pong frames stand before or behind ours, and never inside.
 */
function writableBeside(line: Duplex): TcpSocket | undefined {
  return line instanceof TcpSocket ? line : undefined;
}
