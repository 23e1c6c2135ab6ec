import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connect as connectSecure } from "node:tls";
import { constants, inflateRawSync } from "node:zlib";
import type { Dialect } from "./dialect.js";

const HEAD_END = "\r\n\r\n";
const CLOSE = 8;
const PING = 9;
/** Masked with zeros; a server that pings asks for no more than a sign of life. */
const PONG = Buffer.from([0x8a, 0x80, 0, 0, 0, 0]);
const COMPRESSED = 0x40;
const FLUSH = Buffer.from([0, 0, 255, 255]);
/** Compressed messages that are known by their bytes. */
const KNOWN = 64;

/** How many digits at the end of a payload number it. */
export const NUMBER_LENGTH = 8;

/** A client of the load. */
export interface LoadClient {
  /** Called for each delivery with its number. */
  onMessage: (number: number) => void;
  /** Octets of a delivery that follow its number. */
  behindNumber: number;
  /** Whether the server has said goodbye or hung up. */
  readonly closed: boolean;
  /** Subscribes; resolves when the server confirms it. */
  subscribe(topic: string, id: string): Promise<void>;
  heartBeat(): void;
  /** Hangs up. */
  end(): Promise<void>;
  pause(): void;
  resume(): void;
}

/**
 * A client that costs next to nothing, so that the server is what is measured:
 * it reads frame heads and, of a delivery, the number at its end.
 */
export class RawClient implements LoadClient {
  onMessage: (number: number) => void = () => {};
  behindNumber: number;
  closed = false;
  /** Resolves at that. */
  readonly goodbye: Promise<void>;
  #sayGoodbye = () => {};
  readonly #socket: Socket;
  readonly #dialect: Dialect;
  /** The first four octets of a delivery. */
  readonly #delivery: number;
  readonly #heartBeat: Buffer;
  /** What has come of a WebSocket frame. */
  #rest: Buffer | undefined;
  /** What has come of a message that began in another frame. */
  #carried: Buffer | undefined;
  /** Set while an answer is awaited. */
  #onAnswer: (() => void) | undefined;

  private constructor(socket: Socket, dialect: Dialect) {
    this.#socket = socket;
    this.#dialect = dialect;
    this.#delivery = Buffer.from(dialect.delivery).readUInt32BE();
    this.#heartBeat = masked(dialect.heartBeat);
    this.behindNumber = dialect.behindPayload;
    this.goodbye = new Promise((resolve) => {
      this.#sayGoodbye = resolve;
    });
    socket.setNoDelay(true);
    socket.on("close", () => this.#close());
    socket.on("error", () => {});
  }

  /** Opens a WebSocket and gives the client when its hello was answered. */
  static async connect(port: number, dialect: Dialect): Promise<RawClient> {
    const to = { port, host: "127.0.0.1", rejectUnauthorized: false };
    const socket = dialect.isSecure ? connectSecure(to) : connect(to);
    const client = new RawClient(socket, dialect);
    const offer = dialect.extension ? `Sec-WebSocket-Extensions: ${dialect.extension}\r\n` : "";
    socket.write(
      `GET ${dialect.path} HTTP/1.1\r\nHost: localhost:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
        `Sec-WebSocket-Protocol: v12.stomp\r\n${offer}${HEAD_END.slice(2)}`,
    );
    const [head] = (await once(socket, "data")) as [Buffer];
    if (!head.toString("latin1").startsWith("HTTP/1.1 101")) throw new Error(`no upgrade: ${head}`);
    if (offer !== "" && !head.includes("permessage-deflate")) throw new Error(`no compression: ${head}`);

    const rest = head.subarray(head.indexOf(HEAD_END) + HEAD_END.length);
    socket.on("data", (chunk: Buffer) => client.#read(chunk));
    if (rest.length > 0) client.#read(rest);
    await client.ask([dialect.hello]);
    return client;
  }

  subscribe(topic: string, id: string): Promise<void> {
    return this.ask(this.#dialect.subscribe(topic, id));
  }

  write(frames: Buffer): void {
    this.#socket.write(frames);
  }

  heartBeat(): void {
    if (this.#dialect.heartBeat !== "") this.write(this.#heartBeat);
  }

  async end(): Promise<void> {
    if (this.#socket.destroyed) return;

    const closed = once(this.#socket, "close");
    this.#socket.end();
    await closed;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Sends messages that have one answer, and resolves when it comes. */
  ask(messages: readonly string[]): Promise<void> {
    return new Promise((resolve) => {
      this.#onAnswer = resolve;
      this.write(Buffer.concat(messages.map(masked)));
    });
  }

  #close(): void {
    this.closed = true;
    this.#sayGoodbye();
  }

  #read(chunk: Buffer): void {
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = undefined;
    let at = 0;
    while (bytes.length - at >= 2) {
      let length = (bytes[at + 1] as number) & 127;
      let start = at + 2;
      if (length === 126) {
        if (bytes.length - at < 4) break;
        length = bytes.readUInt16BE(at + 2);
        start = at + 4;
      } else if (length === 127) {
        if (bytes.length - at < 10) break;
        length = bytes.readUIntBE(at + 4, 6);
        start = at + 10;
      }
      if (bytes.length < start + length) break;

      const first = bytes[at] as number;
      const opcode = first & 15;
      if (opcode === CLOSE) this.#close();
      else if (opcode === PING) this.write(PONG);
      else if (first & COMPRESSED) {
        const text = unpacked(bytes.toString("latin1", start, start + length));
        this.#payload(text, 0, text.length);
      } else this.#payload(bytes, start, start + length);
      at = start + length;
    }
    if (at < bytes.length) this.#rest = bytes.subarray(at);
  }

  #payload(bytes: Buffer, start: number, end: number): void {
    if (this.#carried === undefined) {
      const rest = this.#dialect.cut(bytes, start, end, this.#message);
      if (rest < end) this.#carried = bytes.subarray(rest, end);
      return;
    }
    const whole = Buffer.concat([this.#carried, bytes.subarray(start, end)]);
    this.#carried = undefined;
    this.#payload(whole, 0, whole.length);
  }

  readonly #message = (bytes: Buffer, start: number, end: number): void => {
    // An answer may look like a delivery.
    if (this.#onAnswer !== undefined && this.#isAnswer(bytes, start, end)) return;

    if (end - start > 3 && bytes.readUInt32BE(start) === this.#delivery) {
      this.onMessage(numberAt(bytes, end - this.behindNumber - NUMBER_LENGTH));
    } else this.#other(bytes.toString("latin1", start, end));
  };

  #isAnswer(bytes: Buffer, start: number, end: number): boolean {
    const text = bytes.toString("latin1", start, end);
    if (!this.#dialect.answers.some((answer) => text.startsWith(answer))) return false;

    const answered = this.#onAnswer;
    this.#onAnswer = undefined;
    answered?.();
    return true;
  }

  #other(text: string): void {
    const { ping, errors } = this.#dialect;
    if (text === ping?.asked) this.write(masked(ping.answer));
    else if (errors.some((error) => text.startsWith(error))) throw new Error(text);
  }
}

const known = new Map<string, Buffer>();

/** Subscribers are sent the same bytes: to unpack them for each would make the load the slower part. */
function unpacked(payload: string): Buffer {
  const found = known.get(payload);
  if (found) return found;

  const options = { finishFlush: constants.Z_SYNC_FLUSH };
  const text = inflateRawSync(Buffer.concat([Buffer.from(payload, "latin1"), FLUSH]), options);
  const [oldest] = known.keys();
  if (known.size === KNOWN) known.delete(oldest as string);
  known.set(payload, text);
  return text;
}

export function numberAt(bytes: Buffer, at: number): number {
  let number = 0;
  for (let i = at; i < at + NUMBER_LENGTH; i++) number = number * 10 + (bytes[i] as number) - 48;
  return number;
}

/** A WebSocket text frame of a client, masked with zeros. */
export function masked(text: string): Buffer {
  const payload = Buffer.from(text);
  const long = payload.length > 125;
  const head = Buffer.alloc(long ? 8 : 6);
  head[0] = 0x81;
  head[1] = 0x80 | (long ? 126 : payload.length);
  if (long) head.writeUInt16BE(payload.length, 2);
  return Buffer.concat([head, payload]);
}
