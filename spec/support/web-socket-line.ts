import { EventEmitter, once } from "node:events";
import { connect, type Socket as TcpSocket } from "node:net";
import { connect as connectSecure } from "node:tls";
import { constants, inflateRawSync } from "node:zlib";
import { CERTIFICATE } from "./certificate.js";
import { handshakeText } from "./socket-host.js";

/** A frame of the server, as it is on the wire. */
export interface WireFrame {
  /** FIN, RSV1 and opcode. */
  readonly first: number;
  readonly payload: Buffer;
}

/** A WebSocket client that shows each frame as it came. */
export class WebSocketLine {
  /** What the server agreed on, if anything. */
  readonly extensions: string | undefined;
  readonly line: TcpSocket;
  /** Told by CONNECTED. */
  sessionId = "";
  /** Those that have come, heart-beats of STOMP left out. */
  readonly frames: WireFrame[] = [];
  readonly #events = new EventEmitter();
  #rest: Buffer;

  private constructor(line: TcpSocket, answer: Buffer) {
    const end = answer.indexOf("\r\n\r\n") + 4;
    this.line = line;
    this.extensions = /^Sec-WebSocket-Extensions: (.*)\r$/m.exec(answer.toString("latin1", 0, end))?.[1];
    this.#rest = answer.subarray(end);
    line.on("data", (chunk: Buffer) => {
      this.#rest = Buffer.concat([this.#rest, chunk]);
      this.#read();
    });
    line.on("error", () => {});
    this.#read();
  }

  /** @param offer of extensions, if any */
  static async open(
    port: number,
    offer?: string,
    { path = "/ws", secure = false } = {},
  ): Promise<WebSocketLine> {
    const to = { port, host: "127.0.0.1" };
    const line = secure ? connectSecure({ ...to, ca: CERTIFICATE }) : connect(to);
    line.write(handshakeText(path, offer === undefined ? {} : { "Sec-WebSocket-Extensions": offer }));
    const [answer] = (await once(line, "data")) as [Buffer];
    return new WebSocketLine(line, answer);
  }

  /** Opens, and subscribes to a topic. */
  static async subscribe(port: number, topic: string, offer?: string, id = "sub-0"): Promise<WebSocketLine> {
    const line = await WebSocketLine.open(port, offer);
    line.send("CONNECT\naccept-version:1.2\nhost:spec\n\n\0");
    const [connected] = await line.arrived(1);
    line.sessionId = /\nsession:(.*)\n/.exec(String(connected?.payload))?.[1] ?? "";
    line.send(`SUBSCRIBE\nid:${id}\ndestination:${topic}\nreceipt:r\n\n\0`);
    await line.arrived(2);
    line.frames.length = 0;
    return line;
  }

  /** Sends a text message, masked with zeros. */
  send(text: string, opcode = 1): void {
    const payload = Buffer.from(text);
    const head = Buffer.from([0x80 | opcode, 0x80 | payload.length, 0, 0, 0, 0]);
    if (payload.length > 125) throw new Error("a longer message than this client writes");
    this.line.write(Buffer.concat([head, payload]));
  }

  /** The frames, when there are so many. */
  async arrived(count: number): Promise<readonly WireFrame[]> {
    while (this.frames.length < count) await once(this.#events, "frame");
    return this.frames;
  }

  #read(): void {
    for (;;) {
      const [first, short] = this.#rest;
      if (first === undefined || short === undefined) return;
      const start = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (this.#rest.length < start) return;
      const length =
        start === 2
          ? short
          : start === 4
            ? this.#rest.readUInt16BE(2)
            : Number(this.#rest.readBigUInt64BE(2));
      if (this.#rest.length < start + length) return;

      const payload = this.#rest.subarray(start, start + length);
      this.#rest = this.#rest.subarray(start + length);
      if (payload.toString("latin1") === "\n") continue;
      this.frames.push({ first, payload });
      this.#events.emit("frame");
    }
  }
}

/** What a message says, compressed or not: as a client reads it whose window has 4 KiB, and who forgets each message. */
export function told({ first, payload }: WireFrame): Buffer {
  if ((first & 0x40) === 0) return payload;
  const whole = Buffer.concat([payload, Buffer.from([0, 0, 255, 255])]);
  return inflateRawSync(whole, { windowBits: 12, finishFlush: constants.Z_SYNC_FLUSH });
}
