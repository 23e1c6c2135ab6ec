import { ServerResponse } from "node:http";
import { Socket as TcpSocket } from "node:net";
import type { Octets } from "../../message/octets.js";
import type { FrameRun } from "../frame-run.js";
import { flushAfterTurn, type Gathering } from "../loop-turn.js";
import { isPlain } from "../plain-line.js";
import type { Carriage, Carried, SharedMessage } from "../shared-message.js";
import type { HttpTransport } from "./http-transport.js";
import { messageFrame } from "./sock-js-frame.js";

export interface CarrierOptions {
  readonly transport: HttpTransport;
  /** The function of the client's page, for transports that call one. */
  readonly callback: string;
  /** Bytes after which a streaming response is full. */
  readonly streamBytesLimit: number;
}

/** So much is written without waiting for the end of the turn: a client that reads is to have it, not we. */
const GATHER_LIMIT = 64 * 1024;

/**
 * A response that carries frames to the client: one, or as many as its transport
 * and the limit allow. Frames that a streaming response is given in one turn of
 * the event loop are written at once: past the response, when that is safe, since
 * its bookkeeping for each write costs several times as much as the write.
 */
export class Carrier implements Gathering {
  readonly response: ServerResponse;
  readonly #options: CarrierOptions;
  /** The line of the response, if we may write chunks to it. */
  readonly #line: TcpSocket | undefined;
  /** Whether what is written there may go past the line's buffer too. */
  readonly #pastBuffer: boolean;
  /** Bytes that went past the buffer and have not left the process. */
  #leaving = 0;
  /** Writes of the response that have not left: Node may hold them in it, and what is written past it would be ahead. */
  #writing = 0;
  /** Whether what is gathered is to be written past the response. */
  #isPast = false;
  #gathered: FrameRun | undefined;
  #bytes = 0;
  #left = () => {};

  constructor(response: ServerResponse, options: CarrierOptions) {
    this.response = response;
    this.#options = options;
    const prelude = options.transport.prelude(options.callback);
    if (prelude !== "") this.#writeBy(prelude, "utf8", () => {});
    this.#line = lineBeside(response);
    this.#pastBuffer = this.#line !== undefined && isPlain(this.#line);
  }

  /** Bytes of frames that are gathered and not written yet, or were written past all buffers and have not left. */
  get waiting(): number {
    return (this.#gathered?.length ?? 0) + this.#leaving;
  }

  /**
   * Sends a frame. Returns whether another one may follow.
   *
   * @param left called when it has left the process, or its response has ended first
   */
  write(frame: Octets, left: () => void): boolean {
    if (this.#options.transport.isStreaming) {
      return this.#gather(this.#carriage().carry(frame), left);
    }
    this.end(frame);
    return false;
  }

  /** Sends a message, as `write` does its frame. */
  writeShared(message: SharedMessage, left: () => void): boolean {
    if (this.#options.transport.isStreaming) return this.#gather(message.carriedBy(this.#carriage()), left);
    return this.write(messageFrame([message.jsonText]), left);
  }

  /** Sends the last frame. */
  end(frame: Octets): void {
    this.flush();
    this.response.end(this.#options.transport.wrap(frame, this.#options.callback), "latin1");
  }

  /** Writes what was gathered. */
  flush(): void {
    const chunk = this.#gathered?.chunk;
    this.#gathered = undefined;
    if (chunk === undefined || this.response.writableEnded || this.response.destroyed) return;

    if (!this.#line || !this.#isPast) this.#writeBy(chunk, "latin1", this.#left);
    else if (typeof chunk === "string" && this.#mayPassBuffer) this.#writePastBuffer(chunk);
    else this.#line.write(chunk, "latin1", this.#left);
  }

  /** As of a WebSocket: only while nothing waits in the buffer, and nothing is to be put into it. */
  get #mayPassBuffer(): boolean {
    if (!this.#pastBuffer || this.#leaving > 0) return false;

    const line = this.#line as TcpSocket;
    return line.writableLength === 0 && line.writableCorked === 0 && line.writable;
  }

  /** Nothing but text may go here: a Buffer with an encoding would end the process. */
  #writePastBuffer(octets: Octets): void {
    const line = this.#line as TcpSocket;
    const left = this.#left;
    this.#leaving = octets.length;
    line._write(octets, "latin1", (error) => {
      this.#leaving = 0;
      if (error) line.destroy(error);
      left();
    });
  }

  #writeBy(chunk: string | Uint8Array, encoding: BufferEncoding, left: () => void): void {
    this.#writing++;
    this.response.write(chunk, encoding, () => {
      this.#writing--;
      left();
    });
  }

  /** The form of the next frame: all that is gathered has the same. */
  #carriage(): Carriage {
    if (this.#gathered === undefined) this.#isPast = this.#line !== undefined && this.#writing === 0;
    const { chunked, plain } = this.#options.transport;
    return this.#isPast ? chunked : plain;
  }

  #gather({ run, length }: Carried, left: () => void): boolean {
    this.#left = left;
    if (this.#gathered === undefined) {
      this.#gathered = run;
      flushAfterTurn(this);
    } else {
      this.#gathered = this.#gathered.plus(run);
    }
    this.#bytes += length;
    const isFull = this.#bytes >= this.#options.streamBytesLimit;
    if (isFull) this.#endFull();
    else if (this.#gathered.length >= GATHER_LIMIT) this.flush();
    return !isFull;
  }

  /** The rest and the end of the response travel together. */
  #endFull(): void {
    const { socket } = this.response;
    socket?.cork();
    this.flush();
    this.response.end();
    socket?.uncork();
  }
}

/**
 * The line of a response that has begun, if chunks may be written to it between
 * those of the response. The application's middleware may have put something of
 * its own before what is written, as compression does: it sees all.
 */
function lineBeside(response: ServerResponse): TcpSocket | undefined {
  const { socket } = response;
  const isPlain =
    response.headersSent && response.chunkedEncoding && response.write === ServerResponse.prototype.write;
  return isPlain && socket instanceof TcpSocket ? socket : undefined;
}
