import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";
import { parseFrame, type ReadFrame } from "./stomp-session.js";

/** One connection of a client to a `StompStub`. */
export class StubLine {
  readonly #webSocket: WebSocket;
  readonly #frames: ReadFrame[] = [];
  readonly #waiting: ((frame: ReadFrame) => void)[] = [];

  constructor(webSocket: WebSocket) {
    this.#webSocket = webSocket;
    webSocket.on("message", (data: Buffer) => {
      const frame = parseFrame(data.toString().replace(/\0\n*$/, ""));
      if (frame.command === "CONNECT") this.send("CONNECTED", { version: "1.2", "heart-beat": "0,0" });
      else if (frame.command !== "DISCONNECT") this.#arrived(frame);
      else this.send("RECEIPT", { "receipt-id": frame.headers.get("receipt") ?? "" });
    });
  }

  /** The next frame behind CONNECT that has not been asked for yet. */
  next(): Promise<ReadFrame> {
    const frame = this.#frames.shift();
    return frame ? Promise.resolve(frame) : new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The same, which has to be of this command. */
  async until(command: string): Promise<ReadFrame> {
    const frame = await this.next();
    if (frame.command !== command) throw new Error(`${frame.command} instead of ${command}`);
    return frame;
  }

  send(command: string, headers: Readonly<Record<string, string | number>> = {}, body = ""): void {
    const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`);
    this.#webSocket.send(`${command}\n${lines.join("")}\n${body}\0`);
  }

  /** RECEIPT for a frame. */
  confirm({ headers }: ReadFrame): void {
    this.send("RECEIPT", { "receipt-id": headers.get("receipt") ?? "" });
  }

  cut(): void {
    this.#webSocket.terminate();
  }

  #arrived(frame: ReadFrame): void {
    const waiting = this.#waiting.shift();
    if (waiting) waiting(frame);
    else this.#frames.push(frame);
  }
}

/** A server over WebSocket that answers CONNECT and DISCONNECT, and all else as the spec says. */
export class StompStub {
  /** What any GET is answered with. */
  page = "";
  readonly #http: Server;
  readonly #server: WebSocketServer;
  readonly #lines: StubLine[] = [];
  readonly #waiting: ((line: StubLine) => void)[] = [];

  private constructor() {
    this.#http = createServer((_req, res) => res.setHeader("Content-Type", "text/html").end(this.page));
    this.#server = new WebSocketServer({ server: this.#http, handleProtocols: () => "v12.stomp" });
    this.#server.on("connection", (webSocket) => {
      const line = new StubLine(webSocket);
      const waiting = this.#waiting.shift();
      if (waiting) waiting(line);
      else this.#lines.push(line);
    });
  }

  static async open(): Promise<StompStub> {
    const stub = new StompStub();
    await once(stub.#http.listen(0, "127.0.0.1"), "listening");
    return stub;
  }

  /** Without its scheme. */
  get address(): string {
    return `//127.0.0.1:${(this.#http.address() as AddressInfo).port}/`;
  }

  get url(): string {
    return `ws:${this.address}`;
  }

  /** The next connection that has not been asked for yet. */
  line(): Promise<StubLine> {
    const line = this.#lines.shift();
    return line ? Promise.resolve(line) : new Promise((resolve) => this.#waiting.push(resolve));
  }

  close(): void {
    for (const client of this.#server.clients) client.terminate();
    this.#server.close();
    this.#http.close();
    this.#http.closeAllConnections();
  }
}
