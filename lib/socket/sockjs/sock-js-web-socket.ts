import type { Socket, SocketListener } from "../socket.js";
import { shortReason, type WebSocketSocket } from "../web-socket.js";
import { messagesOf } from "./messages.js";
import { TextBytes, textOf } from "./text-bytes.js";

/** A WebSocket on which each message is a SockJS frame: `o`, `h`, `a[…]`, `c[code,reason]`. */
export class SockJsWebSocket implements Socket {
  readonly transport = "websocket";
  readonly #line: WebSocketSocket;
  readonly #text = new TextBytes();
  readonly #heartbeat: NodeJS.Timeout;

  constructor(line: WebSocketSocket, heartbeatTime: number) {
    this.#line = line;
    this.#write("o");
    this.#heartbeat = setInterval(() => this.#write("h"), heartbeatTime);
  }

  get bufferedAmount(): number {
    return this.#line.bufferedAmount;
  }

  send(data: Uint8Array): void {
    this.#write(`a[${JSON.stringify(textOf(data))}]`);
  }

  pause(): void {
    this.#line.pause();
  }

  resume(): void {
    this.#line.resume();
  }

  close(code: number, reason: string): void {
    this.#write(`c${JSON.stringify([code, shortReason(reason)])}`);
    this.#line.close(code, reason);
  }

  terminate(): void {
    this.#line.terminate();
  }

  listen(listener: SocketListener): void {
    this.#line.listen({
      data: (chunk) => this.#receive(textOf(chunk), listener),
      close: (code, reason) => {
        clearInterval(this.#heartbeat);
        listener.close(code, reason);
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

  #write(frame: string): void {
    this.#line.send(Buffer.from(frame), false);
  }
}
