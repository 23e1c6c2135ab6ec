import { once } from "node:events";
import { connect, type Socket } from "node:net";

const HEAD_END = "\r\n\r\n";
const MESSAGE = 77; // M
const CLOSE = 8;

/** How many digits at the end of a payload number it. */
export const NUMBER_LENGTH = 8;

/**
 * A STOMP client that costs next to nothing, so that the server is what is
 * measured: it reads frame heads and, of a MESSAGE, the number at its end.
 */
export class RawStompClient {
  /** Called for each MESSAGE with its number. */
  onMessage: (number: number) => void = () => {};
  /** Octets of a MESSAGE that follow its number. */
  behindNumber = "\0".length;
  /** Whether the server has said goodbye or hung up. */
  closed = false;
  readonly #socket: Socket;
  #rest: Buffer | undefined;
  #onAnswer: () => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("close", () => {
      this.closed = true;
    });
    socket.on("error", () => {});
  }

  /** Opens a WebSocket and gives the client when CONNECTED has come. */
  static async connect(port: number): Promise<RawStompClient> {
    const socket = connect(port, "127.0.0.1");
    const client = new RawStompClient(socket);
    socket.write(
      `GET /ws HTTP/1.1\r\nHost: localhost:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
        `Sec-WebSocket-Protocol: v12.stomp\r\n${HEAD_END.slice(2)}`,
    );
    const [head] = (await once(socket, "data")) as [Buffer];
    if (!head.toString("latin1").startsWith("HTTP/1.1 101")) throw new Error(`no upgrade: ${head}`);

    const rest = head.subarray(head.indexOf(HEAD_END) + HEAD_END.length);
    socket.on("data", (chunk: Buffer) => client.#read(chunk));
    if (rest.length > 0) client.#read(rest);
    await client.#ask("CONNECT\naccept-version:1.2\nhost:bench\nheart-beat:10000,10000\n\n\0");
    return client;
  }

  /** Subscribes; resolves when the server confirms it. */
  subscribe(destination: string, id: string): Promise<void> {
    return this.#ask(`SUBSCRIBE\nid:${id}\ndestination:${destination}\nreceipt:r\n\n\0`);
  }

  write(frames: Buffer): void {
    this.#socket.write(frames);
  }

  heartBeat(): void {
    this.write(masked(Buffer.from("\n")));
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #ask(frame: string): Promise<void> {
    return new Promise((resolve) => {
      this.#onAnswer = resolve;
      this.write(masked(Buffer.from(frame)));
    });
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
        throw new Error("a frame longer than the bench sends");
      }
      if (bytes.length < start + length) break;

      const opcode = (bytes[at] as number) & 15;
      if (opcode === CLOSE) this.closed = true;
      else if (bytes[start] === MESSAGE)
        this.onMessage(numberAt(bytes, start + length - this.behindNumber - NUMBER_LENGTH));
      else if (length > 1) this.#onAnswer();
      at = start + length;
    }
    if (at < bytes.length) this.#rest = bytes.subarray(at);
  }
}

function numberAt(bytes: Buffer, at: number): number {
  let number = 0;
  for (let i = at; i < at + NUMBER_LENGTH; i++) number = number * 10 + (bytes[i] as number) - 48;
  return number;
}

/** A WebSocket text frame of a client, masked with zeros. */
export function masked(payload: Buffer): Buffer {
  const long = payload.length > 125;
  const head = Buffer.alloc(long ? 8 : 6);
  head[0] = 0x81;
  head[1] = 0x80 | (long ? 126 : payload.length);
  if (long) head.writeUInt16BE(payload.length, 2);
  return Buffer.concat([head, payload]);
}
