import { type Octets, octetsOf } from "../../message/octets.js";
import { shortReason } from "../close-status.js";
import { SharedMessage } from "../shared-message.js";
import type { Socket, SocketListener } from "../socket.js";
import type { WebSocketSocket } from "../web-socket.js";
import type { LifeSigns } from "./life-signs.js";
import { messagesOf } from "./messages.js";
import { closeFrame, HEARTBEAT_FRAME, LONGEST, OPEN_FRAME } from "./sock-js-frame.js";
import { TextBytes, textOf } from "./text-bytes.js";

/** A WebSocket on which each message is a SockJS frame: `o`, `h`, `a[…]`, `c[code,reason]`. */
export class SockJsWebSocket implements Socket {
  readonly transport = "websocket";
  readonly longest = LONGEST;
  readonly #line: WebSocketSocket;
  readonly #text = new TextBytes();
  readonly #lifeSigns: LifeSigns;
  /** The status that the client was told in SockJS's close frame. */
  #told: { readonly code: number; readonly reason: string } | undefined;

  constructor(line: WebSocketSocket, lifeSigns: LifeSigns) {
    this.#line = line;
    this.#write(OPEN_FRAME);
    this.#lifeSigns = lifeSigns;
    lifeSigns.start(() => this.#beat());
  }

  watchBuffer(): number {
    return this.#line.watchBuffer();
  }

  send(data: Uint8Array): void {
    this.sendShared(new SharedMessage(octetsOf(data), false));
  }

  sendShared(message: SharedMessage): void {
    this.#line.sendShared(message.sockJs);
  }

  pause(): void {
    this.#line.pause();
  }

  probe(): void {
    this.#line.probe();
  }

  resume(): void {
    this.#line.resume();
  }

  /** Between quotes and behind backslashes a text is longer; one that is three times as long has nothing else. */
  boundMessages(bytes: number | undefined, exceeded?: () => void): void {
    this.#line.boundMessages(bytes && 3 * bytes, exceeded);
  }

  disableHeartbeat(): void {
    this.#lifeSigns.stop();
  }

  close(code: number, reason: string): void {
    this.#lifeSigns.stop();
    this.#told ??= { code, reason: shortReason(reason) };
    this.#write(closeFrame(this.#told.code, this.#told.reason));
    this.#line.close(code, reason);
  }

  terminate(): void {
    this.#lifeSigns.stop();
    this.#line.terminate();
  }

  listen(listener: SocketListener): void {
    this.#line.listen({
      data: (chunk) => this.#receive(textOf(chunk), listener),
      answered: () => listener.answered?.(),
      drained: () => listener.drained(),
      socketClosed: (code, reason, limit) => {
        this.#lifeSigns.stop();
        // Clients answer SockJS's close frame by a close of their own, with 1000.
        const status = code === 1000 && this.#told !== undefined ? this.#told : { code, reason };
        listener.socketClosed(status.code, status.reason, limit);
      },
    });
  }

  #receive(text: string, listener: SocketListener): void {
    if (text === "") return;

    const messages = messagesOf(text);
    if (messages === undefined) {
      this.close(1007, "Broken JSON encoding.");
      return;
    }
    const bytes = this.#text.encode(messages.join(""));
    if (bytes.length > 0) listener.data(bytes);
  }

  /** In its time, whatever else was written: a client may count on it. */
  #beat(): void {
    this.#write(HEARTBEAT_FRAME);
    this.#lifeSigns.wrote();
  }

  #write(frame: Octets): void {
    this.#line.sendShared(new SharedMessage(frame, false));
  }
}
