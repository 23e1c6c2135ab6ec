import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import { CERTIFICATE } from "./certificate.js";

/** What the server did next: a frame, or it ended the line. */
type LineEvent = string | "ended";

/** A client of a STOMP port that knows nothing of STOMP: it sends the text it is given. `^@` stands for NUL both ways. */
export class LineClient {
  readonly socket: Socket;
  readonly #events: LineEvent[] = [];
  readonly #waiting: ((event: LineEvent) => void)[] = [];
  #text = "";

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding("utf8").on("data", (text: string) => this.#read(text));
    socket.on("end", () => this.#arrived("ended"));
    socket.on("error", () => this.#arrived("ended"));
  }

  /** @param tls if given, it speaks TLS, and trusts the certificate of specs */
  static async open(port: number, tls?: ConnectionOptions): Promise<LineClient> {
    const host = "127.0.0.1";
    const socket = tls ? connectTls({ port, host, ca: CERTIFICATE, ...tls }) : connect({ port, host });
    const client = new LineClient(socket);
    await once(socket, tls ? "secureConnect" : "connect");
    return client;
  }

  /** Opens, and gives the client when CONNECTED has come. */
  static async connect(port: number, headers = "", tls?: ConnectionOptions): Promise<LineClient> {
    const client = await LineClient.open(port, tls);
    client.send(`CONNECT\naccept-version:1.2\nhost:spec\n${headers}\n^@`);
    const answer = await client.next();
    if (!answer.startsWith("CONNECTED\n")) throw new Error(`no CONNECTED but ${answer}`);
    return client;
  }

  send(text: string): void {
    this.socket.write(text.replaceAll("^@", "\0"));
  }

  /** The next thing the server does, if it has not been asked for yet. */
  next(): Promise<LineEvent> {
    const event = this.#events.shift();
    if (event !== undefined) return Promise.resolve(event);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Sends this frame, with a receipt, and waits for that. */
  async handled(frame: string): Promise<void> {
    this.send(frame.replace("\n", "\nreceipt:handled\n"));
    const answer = await this.next();
    if (!/^RECEIPT\n/.test(answer)) throw new Error(`no RECEIPT but ${answer}`);
  }

  cut(): void {
    this.socket.destroy();
  }

  #read(text: string): void {
    const parts = (this.#text + text).split("\0");
    this.#text = parts.pop() as string;
    for (const part of parts) this.#arrived(`${part.replace(/^\n+/, "")}^@`);
  }

  #arrived(event: LineEvent): void {
    const waiting = this.#waiting.shift();
    if (waiting) waiting(event);
    else this.#events.push(event);
  }
}
