import type { Socket as NodeSocket } from "node:net";
import type { Clock } from "../clock/clock.js";
import type { CloseStatus } from "./close-status.js";
import { flushAfterTurn, type Gathering } from "./loop-turn.js";
import type { SharedMessage } from "./shared-message.js";
import type { Socket, SocketListener } from "./socket.js";

/** So much is written without waiting for the end of the turn: a client that reads is to have it, not we. */
const GATHER_LIMIT = 64 * 1024;

/** How long a client may take to read what it was sent last and to end its side of the line, in ms. */
const CLOSE_TIMEOUT = 5_000;

/** How often the system asks whether the client's end of an idle line is there, in ms. */
const KEEP_ALIVE = 30_000;

/** A line without WebSocket: STOMP straight over TCP or TLS. There is no close frame, so its client is told no code. */
export class StreamSocket implements Socket, Gathering {
  readonly transport: "tcp" | "tls";
  readonly #line: NodeSocket;
  readonly #clock: Clock;
  #listener: SocketListener | undefined;
  #isCorked = false;
  #isClosing = false;
  /** Somebody has asked how much waits, and may wait for it to leave. */
  #isWatched = false;
  /** The first reason why it ends. */
  #status: CloseStatus | undefined;
  #stopTimeout = () => {};

  constructor(line: NodeSocket, transport: "tcp" | "tls", clock: Clock) {
    this.#line = line;
    this.transport = transport;
    this.#clock = clock;
    line.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE);
    line.on("error", ({ message }) => {
      this.#status ??= { code: 1006, reason: message };
    });
    line.on("end", () => this.#leave({ code: 1005, reason: "" }));
    line.on("close", () => {
      this.#isClosing = true;
      this.#stopTimeout();
      const { code, reason } = this.#status ?? { code: 1006, reason: "" };
      this.#listener?.socketClosed(code, reason);
    });
  }

  watchBuffer(): number {
    this.#isWatched = true;
    return this.#line.writableLength;
  }

  send(data: Uint8Array): void {
    if (this.#isClosing) return;

    if (!this.#isCorked && this.#line.writableLength < GATHER_LIMIT) {
      this.#isCorked = true;
      this.#line.cork();
      flushAfterTurn(this);
    }
    this.#line.write(data, this.#left);
    if (this.#isCorked && this.#line.writableLength >= GATHER_LIMIT) this.flush();
  }

  sendShared(message: SharedMessage): void {
    this.send(message.bytes);
  }

  /** Writes what was gathered in this turn. */
  flush(): void {
    if (!this.#isCorked) return;
    this.#isCorked = false;
    this.#line.uncork();
  }

  pause(): void {
    if (!this.#isClosing) this.#line.pause();
  }

  resume(): void {
    this.#line.resume();
  }

  close(code: number, reason: string): void {
    this.#leave({ code, reason });
  }

  terminate(): void {
    this.#isClosing = true;
    this.#line.destroy();
  }

  listen(listener: SocketListener): void {
    this.#listener = listener;
    // Closed before anybody listened.
    if (this.#line.destroyed) queueMicrotask(() => listener.socketClosed(1006, ""));
    else this.#line.on("data", (chunk: Buffer) => this.#receive(chunk));
  }

  #receive(chunk: Buffer): void {
    if (!this.#isClosing) this.#listener?.data(chunk);
  }

  /** Ends the line when all that was sent has left. What the client still sends is dropped: unread, it would reset the line. */
  #leave(status: CloseStatus): void {
    if (this.#isClosing) return;

    this.#isClosing = true;
    this.#status ??= status;
    this.flush();
    this.#line.end();
    this.#line.resume();
    this.#stopTimeout = this.#clock.after(CLOSE_TIMEOUT, () => this.#line.destroy());
  }

  readonly #left = (): void => {
    if (!this.#isWatched) return;

    this.#isWatched = false;
    this.#listener?.drained();
  };
}
