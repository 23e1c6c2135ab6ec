import { request } from "node:http";
import { connect, type Socket } from "node:net";
import { type Dialect, STOMP } from "./dialect.js";
import { type LoadClient, NUMBER_LENGTH, numberAt } from "./raw-client.js";

const RESPONSE_END = Buffer.from("\r\n0\r\n\r\n");
/** The end of a STOMP frame in a SockJS frame. */
const FRAME_END = Buffer.from('\\u0000"');
const QUOTE = '"'.charCodeAt(0);
const MESSAGE = Buffer.from("ME").readUInt16BE();

/** A client over HTTP that costs next to nothing, as RawClient over a WebSocket: reads one response after the other. */
export class SockJsClient implements LoadClient {
  onMessage: (number: number) => void = () => {};
  behindNumber = 0;
  closed = false;
  readonly #port: number;
  readonly #session: string;
  readonly #transport: string;
  readonly #dialect: Dialect;
  readonly #socket: Socket;
  #rest: Buffer | undefined;
  #onAnswer: () => void = () => {};

  private constructor(port: number, dialect: Dialect) {
    this.#port = port;
    this.#dialect = dialect;
    this.#transport = dialect.sockJs ?? "";
    this.#session = `/sockjs/000/${Math.random().toString(36).slice(2)}`;
    this.#socket = connect(port, "127.0.0.1").setNoDelay(true);
    this.#socket.on("data", (chunk: Buffer) => this.#read(chunk));
    this.#socket.on("close", () => {
      this.closed = true;
    });
    this.#socket.on("error", () => {});
  }

  /** Opens a session and gives the client when its hello was answered. */
  static async connect(port: number, dialect: Dialect): Promise<SockJsClient> {
    const client = new SockJsClient(port, dialect);
    const opened = new Promise<void>((resolve) => {
      client.#onAnswer = resolve;
    });
    client.#ask();
    await opened;
    await client.#send([dialect.hello]);
    return client;
  }

  async subscribe(topic: string, id: string): Promise<void> {
    await this.#send(STOMP.subscribe(topic, id));
  }

  /** None were promised. */
  heartBeat(): void {}

  async end(): Promise<void> {
    this.#socket.destroy();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Asks for the next response. */
  #ask(): void {
    const method = this.#transport === "eventsource" ? "GET" : "POST";
    const length = method === "POST" ? "Content-Length: 0\r\n" : "";
    this.#socket.write(
      `${method} ${this.#session}/${this.#transport} HTTP/1.1\r\nHost: localhost:${this.#port}\r\n${length}\r\n`,
    );
  }

  /** Sends messages that have one answer. */
  async #send(messages: readonly string[]): Promise<void> {
    const answered = new Promise<void>((resolve) => {
      this.#onAnswer = resolve;
    });
    const path = `${this.#session}/xhr_send`;
    const req = request({ host: "127.0.0.1", port: this.#port, path, method: "POST", agent: false });
    req.on("response", (res) => res.resume());
    req.end(JSON.stringify(messages));
    await answered;
  }

  #read(chunk: Buffer): void {
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = undefined;
    let at = 0;
    for (let end = bytes.indexOf(FRAME_END); end !== -1; end = bytes.indexOf(FRAME_END, at)) {
      const start = bytes.indexOf(QUOTE, at) + 1;
      if (bytes.readUInt16BE(start) === MESSAGE) this.onMessage(numberAt(bytes, end - NUMBER_LENGTH));
      else this.#other(bytes.toString("latin1", start, end));
      at = end + FRAME_END.length;
    }
    if (bytes.indexOf("o\n", at) !== -1 || bytes.indexOf("data: o", at) !== -1) this.#onAnswer();
    const isOver =
      bytes.length - at >= RESPONSE_END.length &&
      RESPONSE_END.compare(bytes, bytes.length - RESPONSE_END.length) === 0;
    if (isOver) this.#ask();
    else if (at < bytes.length) this.#rest = bytes.subarray(at);
  }

  #other(text: string): void {
    if (this.#dialect.answers.some((answer) => text.startsWith(answer))) this.#onAnswer();
    else throw new Error(text);
  }
}
