import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { NativeHeaders } from "express-stomp";
import type { ClientCommand, ServerCommand } from "#lib/stomp/command.js";
import { StompDecoder } from "#lib/stomp/decoder.js";
import { encode } from "#lib/stomp/encoder.js";
import type { StompVersion } from "#lib/stomp/version.js";
import { reset } from "#lib/testing/reset.js";

/** What a client of the broker sent. */
export interface ScriptedFrame {
  readonly command: ClientCommand;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

export interface ScriptedOptions {
  /** Answers CONNECT with CONNECTED. Default true. */
  readonly connects?: boolean;
  /** Answers every other frame that asks for a receipt; or those that it says. Default true. */
  readonly receipts?: boolean | ((frame: ScriptedFrame) => boolean);
  /** Of its CONNECTED. Default 0,0. */
  readonly heartBeat?: string;
  readonly port?: number;
}

/** A broker over TCP with the real codec, which does nothing by itself but CONNECTED and RECEIPT, and not even that if told so. */
export class ScriptedBroker {
  options: ScriptedOptions;
  readonly #server: Server;
  readonly #lines = new Queue<ScriptedLine>();
  readonly #open = new Set<ScriptedLine>();
  /** How many connections there ever were. */
  accepted = 0;
  /** How many connections were open at once, at most. */
  most = 0;

  private constructor(server: Server, options: ScriptedOptions) {
    this.options = options;
    this.#server = server;
    server.on("connection", (socket) => {
      const line = new ScriptedLine(socket, this);
      this.accepted++;
      this.#open.add(line);
      this.most = Math.max(this.most, this.open);
      socket.once("close", () => this.#open.delete(line));
      this.#lines.push(line);
    });
  }

  static async open(options: ScriptedOptions = {}): Promise<ScriptedBroker> {
    const broker = new ScriptedBroker(createServer({ allowHalfOpen: true, noDelay: true }), options);
    await once(broker.#server.listen(options.port ?? 0, "127.0.0.1"), "listening");
    return broker;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** How many connections are open. */
  get open(): number {
    return this.#open.size;
  }

  /** The next connection that was made, if it has not been asked for yet. */
  line(): Promise<ScriptedLine> {
    return this.#lines.next();
  }

  /** Whether it answers a frame that asks for a receipt. */
  confirms(frame: ScriptedFrame): boolean {
    const { receipts = true } = this.options;
    return typeof receipts === "function" ? receipts(frame) : receipts;
  }

  /** Resets all connections and takes no more; the port is free then. */
  async close(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const line of this.#open) line.cut();
    await closed;
  }
}

/** One connection to it. */
export class ScriptedLine {
  readonly socket: Socket;
  readonly #frames = new Queue<ScriptedFrame>();
  readonly #decoder = new StompDecoder({
    messageSizeLimit: 1e9,
    headerBytesLimit: 1e6,
    headerLineLimit: 1e6,
  });
  readonly #closed: Promise<unknown>;
  version: StompVersion = "1.2";

  constructor(socket: Socket, broker: ScriptedBroker) {
    this.socket = socket;
    this.#closed = new Promise((resolve) => socket.once("close", resolve));
    socket.on("error", () => {});
    socket.on("end", () => socket.end());
    socket.on("data", (chunk) => {
      this.#decoder.decode(chunk, ({ command, headers, body }) => {
        const receipt = headers.get("receipt");
        const isConnect = command === "CONNECT" || command === "STOMP";
        if (isConnect) {
          this.version = (headers.get("accept-version")?.split(",").at(-1) ?? "1.0") as StompVersion;
          this.#decoder.version = this.version;
          if (broker.options.connects !== false) this.connected(broker.options.heartBeat);
        }
        const frame: ScriptedFrame = {
          command: command as ClientCommand,
          headers: new Map([...headers].reverse()),
          body: Buffer.from(body).toString(),
        };
        if (!isConnect && receipt !== undefined && broker.confirms(frame)) {
          this.send("RECEIPT", { "receipt-id": receipt });
        }
        this.#frames.push(frame);
      });
    });
  }

  connected(heartBeat = "0,0"): void {
    this.send("CONNECTED", { version: this.version, "heart-beat": heartBeat });
  }

  /** The next frame that came. */
  frame(): Promise<ScriptedFrame> {
    return this.#frames.next();
  }

  /** The next frame of this command; what came before is passed over. */
  async until(command: ClientCommand): Promise<ScriptedFrame> {
    for (;;) {
      const frame = await this.frame();
      if (frame.command === command) return frame;
    }
  }

  send(
    command: ServerCommand,
    headers: Readonly<Record<string, string>> = {},
    body: string | Uint8Array = "",
  ): void {
    const frame = { command, headers: NativeHeaders.of(headers), body: Buffer.from(body) };
    this.socket.write(encode(frame, this.version));
  }

  /** Sends what is no frame, perhaps: `^@` stands for NUL. */
  raw(text: string): void {
    this.socket.write(text.replaceAll("^@", "\0"));
  }

  /** Waits until the other side has closed. */
  async closed(): Promise<void> {
    await this.#closed;
  }

  /** Resets the connection. */
  cut(): void {
    reset(this.socket);
  }
}

class Queue<T> {
  readonly #items: T[] = [];
  readonly #waiting: ((item: T) => void)[] = [];

  push(item: T): void {
    const waiting = this.#waiting.shift();
    if (waiting) waiting(item);
    else this.#items.push(item);
  }

  next(): Promise<T> {
    const item = this.#items.shift();
    return item === undefined ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(item);
  }
}
