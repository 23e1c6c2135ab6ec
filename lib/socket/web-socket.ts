import { Socket as TcpSocket } from "node:net";
import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import { FrameRun } from "./frame-run.js";
import { flushAfterTurn, type Gathering } from "./loop-turn.js";
import type { SharedMessage } from "./shared-message.js";
import type { Socket, SocketListener } from "./socket.js";

interface Ending {
  readonly code: number;
  readonly reason: string;
}

const MAX_REASON_BYTES = 123;

/** So much is written without waiting for the end of the turn: a client that reads is to have it, not we. */
const GATHER_LIMIT = 64 * 1024;

/** To copy a message of this length costs more than a write of its own. */
const LONG_MESSAGE = 16 * 1024;

/**
 * A ws connection as a socket. Reads nothing until somebody listens. What it is
 * sent in one turn of the event loop is written at once, past ws, when that is
 * safe; else each message goes through ws on its own.
 */
export class WebSocketSocket implements Socket, Gathering {
  readonly transport = "websocket";
  readonly #ws: WebSocket;
  /** What ws writes to, if we may too. */
  readonly #stream: TcpSocket | undefined;
  #gathered: FrameRun | undefined;
  /** What arrived before anybody listened: what ws had read when the line broke. */
  #early: Uint8Array[] | undefined;
  #listener: SocketListener | undefined;
  #isClosing = false;
  /** Somebody has asked how much waits, and may wait for it to leave. */
  #isWatched = false;
  #fault: Ending | undefined;
  #ending: Ending | undefined;

  /** @param line what the WebSocket was made of */
  constructor(ws: WebSocket, line: Duplex) {
    this.#ws = ws;
    this.#stream = writableBeside(ws, line);
    line.on("drain", () => this.#listener?.drained());
    ws.pause();
    ws.on("message", (data) => this.#receive(data as Buffer));
    ws.on("error", (error) => {
      this.#fault ??= faultOf(error);
    });
    ws.on("close", (code, reason) => this.#closed(code, reason));
  }

  get bufferedAmount(): number {
    this.#isWatched = true;
    return this.#ws.bufferedAmount + (this.#gathered?.length ?? 0);
  }

  send(data: Uint8Array, binary: boolean): void {
    if (this.#ws.readyState !== this.#ws.OPEN) return;

    if (this.#stream !== undefined && data.length < LONG_MESSAGE) {
      this.#gather(FrameRun.of(latin1Of(data), binary));
    } else {
      this.#write();
      this.#ws.send(data, { binary });
    }
  }

  sendShared(message: SharedMessage): void {
    if (this.#stream === undefined) this.send(message.bytes, message.binary);
    // A closed one is found when it is written: to look at each delivery costs more.
    else this.#gather(message.frame);
  }

  flush(): void {
    this.#write();
    // What has left at once is followed by no event. To tell after each delivery, though nobody asked, costs more.
    if (!this.#isWatched || this.#stream?.writableNeedDrain !== false) return;

    this.#isWatched = false;
    this.#listener?.drained();
  }

  pause(): void {
    if (!this.#isClosing) this.#ws.pause();
  }

  resume(): void {
    if (this.#listener !== undefined) this.#ws.resume();
  }

  close(code: number, reason: string): void {
    if (this.#isClosing) return;

    this.#isClosing = true;
    this.#write();
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
    const ending = this.#ending;
    if (ending !== undefined) queueMicrotask(() => listener.close(ending.code, ending.reason));
    else this.#ws.resume();
  }

  #gather(frame: FrameRun): void {
    if (this.#gathered === undefined) {
      this.#gathered = frame;
      flushAfterTurn(this);
    } else {
      this.#gathered = this.#gathered.plus(frame);
    }
    if (this.#gathered.length >= GATHER_LIMIT) this.#write();
  }

  /** Writes what was gathered. Nothing may follow a close frame: what the client's has overtaken is dropped. */
  #write(): void {
    const gathered = this.#gathered;
    if (gathered === undefined) return;

    this.#gathered = undefined;
    if (this.#ws.readyState === this.#ws.OPEN) this.#stream?.write(gathered.chunk, "latin1");
  }

  #receive(data: Buffer): void {
    if (this.#isClosing) return;

    if (this.#listener === undefined) {
      this.#early ??= [];
      this.#early.push(data);
    } else {
      this.#listener.data(data);
    }
  }

  #closed(code: number, reason: Buffer): void {
    this.#ending = this.#fault ?? { code, reason: reason.toString() };
    this.#isClosing = true;
    this.#listener?.close(this.#ending.code, this.#ending.reason);
  }
}

/**
 * The stream, if whole frames may be written to it between those of ws. It holds
 * frames back only while it compresses one, and masks none; so its close and pong
 * frames stand before or behind ours, and never inside.
 */
function writableBeside(ws: WebSocket, line: Duplex): TcpSocket | undefined {
  return ws.extensions === "" && line instanceof TcpSocket ? line : undefined;
}

function latin1Of(data: Uint8Array): string {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("latin1");
}

/** Cuts a close reason to what a close frame holds, between characters. */
export function shortReason(reason: string): string {
  const bytes = Buffer.from(reason);
  if (bytes.length <= MAX_REASON_BYTES) return reason;

  let end = MAX_REASON_BYTES;
  while (((bytes[end] as number) & 0xc0) === 0x80) end--;
  return bytes.toString("utf8", 0, end);
}

/** ws closes with these codes, but reports 1006, since it reads no further. `undefined` when the line broke. */
function faultOf(error: Error): Ending | undefined {
  const { code } = error as NodeJS.ErrnoException;
  // What was to be unpacked was not packed so.
  if (code?.startsWith("Z_") === true) return { code: 1007, reason: error.message };
  if (code?.startsWith("WS_ERR_") !== true) return undefined;

  switch (code) {
    case "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH":
      return { code: 1009, reason: error.message };
    case "WS_ERR_INVALID_UTF8":
      return { code: 1007, reason: error.message };
    case "WS_ERR_TOO_MANY_BUFFERED_PARTS":
      return { code: 1008, reason: error.message };
    default:
      return { code: 1002, reason: error.message };
  }
}
