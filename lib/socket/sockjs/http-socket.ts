import type { ServerResponse } from "node:http";
import type { Connection } from "sockjs";
import type { Socket, SocketListener } from "../socket.js";
import { shortReason } from "../web-socket.js";
import { TextBytes, textOf } from "./text-bytes.js";

interface Ending {
  readonly code: number;
  readonly reason: string;
}

/** A SockJS session over HTTP: what it sends rides on one response after the other. */
export class HttpSocket implements Socket {
  readonly transport: string;
  readonly #text = new TextBytes();
  /** Those with bytes that may not have left yet. */
  readonly #responses = new Set<ServerResponse>();
  readonly #waiting: (() => void)[] = [];
  #connection: Connection | undefined;
  #listener: SocketListener | undefined;
  /** Bytes that wait for a response to ride on. */
  #queued = 0;
  #isPaused = true;
  /** What `close` was called with. */
  #closing: Ending | undefined;
  #ending: Ending | undefined;

  constructor(transport: string) {
    this.transport = transport;
  }

  get bufferedAmount(): number {
    let bytes = this.#queued;
    for (const response of this.#responses) bytes += response.writableLength;
    return bytes;
  }

  /** How many requests wait in `readable`. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Names sockjs's end of the session, once sockjs has opened it. */
  connect(connection: Connection): void {
    this.#connection = connection;
    connection.on("close", () => this.#end(this.#closing ?? { code: 1006, reason: "" }));
  }

  /** Lets sockjs write to a response, and keeps account of it. */
  carry(response: ServerResponse): SockJsResponse {
    this.#responses.add(response);
    const carrier = new SockJsResponse(response, () => {
      // sockjs holds nothing back while it has a response.
      this.#queued = 0;
    });
    response.on("drain", () => this.#listener?.drained());
    response.once("close", () => {
      this.#responses.delete(response);
      this.#listener?.drained();
      // Ended by somebody else, a timeout's middleware for one: sockjs only hears of the connection.
      if (!carrier.hasEnded) response.req.socket.destroy();
      if (carrier.toldClose && this.#closing !== undefined) this.#end(this.#closing);
    });
    return carrier;
  }

  /** Waits while the socket is paused. False when it is closing or closed. */
  async readable(): Promise<boolean> {
    while (this.#isPaused && this.#closing === undefined && this.#ending === undefined) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return this.#closing === undefined && this.#ending === undefined;
  }

  receive(messages: readonly string[]): void {
    const bytes = this.#text.encode(messages.join(""));
    if (bytes.length > 0) this.#listener?.data(bytes);
  }

  send(data: Uint8Array): void {
    if (this.#closing !== undefined || this.#ending !== undefined) return;

    this.#queued += data.byteLength;
    this.#connection?.write(textOf(data));
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    if (this.#listener === undefined) return;

    this.#isPaused = false;
    this.#wake();
  }

  close(code: number, reason: string): void {
    if (this.#closing !== undefined || this.#ending !== undefined) return;

    this.#closing = { code, reason: shortReason(reason) };
    // Its types say text, but SockJS clients expect a number.
    this.#connection?.close(code as unknown as string, this.#closing.reason);
    this.#wake();
  }

  terminate(): void {
    for (const response of this.#responses) response.destroy();
    this.close(1006, "Connection cut");
    this.#end({ code: 1006, reason: "" });
  }

  listen(listener: SocketListener): void {
    this.#listener = listener;
    const ending = this.#ending;
    if (ending === undefined) this.resume();
    else queueMicrotask(() => listener.close(ending.code, ending.reason));
  }

  #end(ending: Ending): void {
    if (this.#ending !== undefined) return;

    this.#ending = ending;
    this.#queued = 0;
    this.#wake();
    this.#listener?.close(ending.code, ending.reason);
  }

  #wake(): void {
    for (const go of this.#waiting.splice(0)) go();
  }
}

/** All that sockjs may do to a response. Which origins may read it is decided elsewhere. */
export class SockJsResponse {
  readonly #response: ServerResponse;
  readonly #onWrite: () => void;
  #toldClose = false;
  #hasEnded = false;

  constructor(response: ServerResponse, onWrite: () => void) {
    this.#response = response;
    this.#onWrite = onWrite;
  }

  /** Whether it carries SockJS's close frame. */
  get toldClose(): boolean {
    return this.#toldClose;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  setHeader(name: string, value: string): void {
    if (!/^(access-control-|vary$)/i.test(name)) this.#response.setHeader(name, value);
  }

  writeHead(status: number): void {
    this.#response.writeHead(status);
  }

  write(text: string): void {
    this.#onWrite();
    if (/^(data: )?c/.test(text)) this.#toldClose = true;
    if (this.#isOpen()) this.#response.write(text);
  }

  end(text?: string): void {
    this.#hasEnded = true;
    if (this.#isOpen()) this.#response.end(text);
  }

  #isOpen(): boolean {
    return !this.#response.destroyed && !this.#response.writableEnded;
  }
}
