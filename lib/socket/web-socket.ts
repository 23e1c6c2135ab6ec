import { Socket as TcpSocket } from "node:net";
import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import { type Octets, octetsOf } from "../message/octets.js";
import { type CloseStatus, faultOf, shortReason } from "./close-status.js";
import { FrameRun } from "./frame-run.js";
import { flushAfterTurn, type Gathering } from "./loop-turn.js";
import type { SharedMessage } from "./shared-message.js";
import type { Socket, SocketListener } from "./socket.js";

/** So much is written without waiting for the end of the turn: a client that reads is to have it, not we. */
const GATHER_LIMIT = 64 * 1024;

/** Bytes of a WebSocket frame's head, at most. */
const FRAME_HEAD = 14;

/** To copy a message of this length costs more than a write of its own. */
const LONG_MESSAGE = 16 * 1024;

/**
 * A ws connection as a socket. Reads nothing until somebody listens. Messages
 * that it is sent in one turn of the event loop are written at once, past ws,
 * when that is safe; else each message goes through ws on its own.
 */
export class WebSocketSocket implements Socket, Gathering {
  readonly transport = "websocket";
  readonly #ws: WebSocket;
  readonly #line: Duplex;
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
  /** Messages that arrived before anybody listened: ws had read them when the line broke. */
  #early: Uint8Array[] | undefined;
  #listener: SocketListener | undefined;
  #isClosing = false;
  #isProbed = false;
  /** Somebody has asked how much waits, and may wait for it to leave. */
  #isWatched = false;
  #fault: CloseStatus | undefined;
  #closedWith: CloseStatus | undefined;

  /**
   * @param line what the WebSocket was made of
   * @param unpackedLimit bytes of compressed messages that may be unpacked while the socket is paused
   */
  constructor(ws: WebSocket, line: Duplex, unpackedLimit = Number.POSITIVE_INFINITY) {
    this.#ws = ws;
    this.#line = line;
    this.#unpackedLimit = unpackedLimit;
    this.#stream = writableBeside(ws, line);
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
    return this.#ws.bufferedAmount + this.#leaving + (this.#gathered?.length ?? 0);
  }

  send(data: Uint8Array, binary: boolean): void {
    if (this.#ws.readyState !== this.#ws.OPEN) return;

    if (this.#stream !== undefined && data.length < LONG_MESSAGE) {
      this.#gather(FrameRun.of(octetsOf(data), binary));
    } else {
      this.flush();
      this.#ws.send(data, { binary }, () => this.#left());
    }
  }

  sendShared(message: SharedMessage): void {
    if (this.#stream === undefined) this.send(message.bytes, message.binary);
    // A closed one is found when it is written: to look at each delivery costs more.
    else this.#gather(message.frame);
  }

  /** Writes what was gathered. Nothing may follow a close frame: what the client's has overtaken is dropped. */
  flush(): void {
    const gathered = this.#gathered;
    if (gathered === undefined) return;

    this.#gathered = undefined;
    if (this.#ws.readyState !== this.#ws.OPEN) return;

    const { chunk } = gathered;
    if (typeof chunk === "string" && this.#mayPassBuffer) this.#writePastBuffer(chunk);
    else this.#stream?.write(chunk, "latin1", () => this.#left());
  }

  pause(): void {
    if (this.#isClosing) return;

    this.#ws.pause();
    if (this.#ws.extensions !== "") this.#unpacked = 0;
  }

  boundMessages(bytes: number | undefined, exceeded = () => {}): void {
    const before = this.#bound;
    if (before) {
      this.#line.off("data", before.count);
      this.#line.off("data", before.check);
    }
    this.#bound = undefined;
    if (bytes === undefined) return;

    const bound: MessageBound = {
      bytes,
      unfinished: 0,
      count: (chunk) => {
        bound.unfinished += chunk.length;
      },
      check: () => {
        if (this.#bound === bound && bound.unfinished > bytes) bound.pass();
      },
      pass: () => {
        this.boundMessages(undefined);
        exceeded();
        // In the middle of a message no client can answer a close frame: it is held no longer than to be told.
        this.#line.end(() => this.#line.destroy());
      },
    };
    this.#bound = bound;
    // One before ws takes what has come, and one when it has handed on all messages that are whole.
    this.#line.prependListener("data", bound.count);
    this.#line.on("data", bound.check);
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
    this.flush();
    this.#ws.close(code, shortReason(reason));
    // The client's own close frame is among what has not been read yet.
    this.#ws.resume();
  }

  terminate(): void {
    this.#isClosing = true;
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

    if (this.#bound && !this.#fits(data, this.#bound)) return;
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

  /** Whether a message may be so long. How long a packed one was on the line is not known: all that has come counts as its own. */
  #fits({ length }: Buffer, bound: MessageBound): boolean {
    const taken = this.#ws.extensions === "" ? length + FRAME_HEAD : bound.unfinished;
    bound.unfinished = Math.max(0, bound.unfinished - taken);
    if (length <= bound.bytes) return true;
    bound.pass();
    return false;
  }

  #closed(code: number, reason: Buffer): void {
    this.#closedWith = this.#fault ?? { code, reason: reason.toString() };
    this.#isClosing = true;
    if (this.#listener !== undefined) tellClosed(this.#listener, this.#closedWith);
  }
}

/** How long a message may be, and how much has come of one that is not whole. */
interface MessageBound {
  readonly bytes: number;
  unfinished: number;
  count(chunk: Uint8Array): void;
  check(): void;
  pass(): void;
}

function tellClosed(listener: SocketListener, { code, reason, limit }: CloseStatus): void {
  listener.socketClosed(code, reason, limit);
}

/**
 * The stream, if whole frames may be written to it between those of ws. It holds
 * frames back only while it compresses one, and masks none; so its close and pong
 * frames stand before or behind ours, and never inside.
 */
function writableBeside(ws: WebSocket, line: Duplex): TcpSocket | undefined {
  return ws.extensions === "" && line instanceof TcpSocket ? line : undefined;
}

/**
 * Whether a stream is node's own, for TCP or a Unix socket, and nobody has put
 * something of theirs before its writes. Such a stream hands all it is given to
 * libuv, which keeps order, whatever still waits there. TLS ends the process
 * when two writes overlap.
 */
function isPlain(stream: TcpSocket): boolean {
  const { prototype } = TcpSocket;
  return (
    Object.getPrototypeOf(stream) === prototype &&
    stream.write === prototype.write &&
    stream._write === prototype._write
  );
}
