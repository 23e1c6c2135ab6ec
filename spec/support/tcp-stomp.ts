import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { RealBroker } from "../../example/shared/broker-process.js";
import { parseFrame, type ReadFrame } from "./stomp-session.js";

/** A client of a broker, straight over TCP and with a codec of its own; its bodies are text without NUL. */
export class TcpStomp {
  readonly #socket: Socket;
  readonly #frames: ReadFrame[] = [];
  readonly #waiting: { resolve(frame: ReadFrame): void; reject(error: Error): void }[] = [];
  #text = "";
  #ended = false;
  readonly #closed: Promise<void>;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding("utf8").on("data", (text: string) => this.#read(text));
    socket.on("error", () => {});
    this.#closed = new Promise((resolve) => {
      socket.on("close", () => {
        this.#ended = true;
        for (const { reject } of this.#waiting.splice(0)) reject(new Error("The broker closed"));
        resolve();
      });
    });
  }

  static async connect(
    { host, port, login, passcode }: RealBroker,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<TcpStomp> {
    const socket = connect(port, host);
    const client = new TcpStomp(socket);
    await once(socket, "connect");
    client.send("CONNECT", { "accept-version": "1.2", host: "/", login, passcode, ...headers });
    const { command, body } = await client.frame();
    if (command !== "CONNECTED") throw new Error(`${command} instead of CONNECTED: ${body}`);
    return client;
  }

  send(command: string, headers: Readonly<Record<string, string>> = {}, body = ""): void {
    const lines = Object.entries(headers).map(([name, value]) => `${name}:${escaped(value)}\n`);
    this.#socket.write(`${command}\n${lines.join("")}\n${body}\0`);
  }

  /** The next frame; fails when the broker closes instead. */
  frame(): Promise<ReadFrame> {
    const frame = this.#frames.shift();
    if (frame) return Promise.resolve(frame);
    if (this.#ended) return Promise.reject(new Error("The broker has closed"));
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** Waits until the broker has handled all that was sent, and gives the frames that had come before. */
  async synchronize(): Promise<readonly ReadFrame[]> {
    const transaction = `sync-${Math.random()}`;
    this.send("BEGIN", { transaction });
    this.send("ABORT", { transaction, receipt: transaction });
    const before: ReadFrame[] = [];
    for (;;) {
      const frame = await this.frame();
      if (frame.headers.get("receipt-id") === transaction) return before;
      before.push(frame);
    }
  }

  /** Waits for the end of the connection. */
  closed(): Promise<void> {
    return this.#closed;
  }

  cut(): void {
    this.#socket.destroy();
  }

  #read(text: string): void {
    const parts = (this.#text + text).split("\0");
    this.#text = parts.pop()!;
    for (const part of parts) {
      const frame = parseFrame(part.replace(/^\n+/, ""));
      const waiting = this.#waiting.shift();
      if (waiting) waiting.resolve(frame);
      else this.#frames.push(frame);
    }
  }
}

/** CONNECT has nothing to escape in specs. */
function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll(":", "\\c");
}
