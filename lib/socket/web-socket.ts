import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import type { Socket, SocketListener } from "./socket.js";

interface Ending {
  readonly code: number;
  readonly reason: string;
}

const MAX_REASON_BYTES = 123;

/** A ws connection as a socket. Reads nothing until somebody listens. */
export class WebSocketSocket implements Socket {
  readonly transport = "websocket";
  readonly #ws: WebSocket;
  /** What arrived before anybody listened: what ws had read when the line broke. */
  readonly #early: Uint8Array[] = [];
  #listener: SocketListener | undefined;
  #isClosing = false;
  #fault: Ending | undefined;
  #ending: Ending | undefined;

  /** @param line what the WebSocket was made of */
  constructor(ws: WebSocket, line: Duplex) {
    this.#ws = ws;
    line.on("drain", () => this.#listener?.drained());
    ws.pause();
    ws.on("message", (data) => this.#receive(data as Buffer));
    ws.on("error", (error) => {
      this.#fault ??= faultOf(error);
    });
    ws.on("close", (code, reason) => this.#closed(code, reason));
  }

  get bufferedAmount(): number {
    return this.#ws.bufferedAmount;
  }

  send(data: Uint8Array, binary: boolean): void {
    if (this.#ws.readyState === this.#ws.OPEN) this.#ws.send(data, { binary });
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
    for (const chunk of this.#early.splice(0)) listener.data(chunk);
    const ending = this.#ending;
    if (ending !== undefined) queueMicrotask(() => listener.close(ending.code, ending.reason));
    else this.#ws.resume();
  }

  #receive(data: Buffer): void {
    if (this.#isClosing) return;

    if (this.#listener === undefined) this.#early.push(data);
    else this.#listener.data(data);
  }

  #closed(code: number, reason: Buffer): void {
    this.#ending = this.#fault ?? { code, reason: reason.toString() };
    this.#isClosing = true;
    this.#listener?.close(this.#ending.code, this.#ending.reason);
  }
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
