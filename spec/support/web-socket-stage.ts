import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { type AddressInfo, connect, type Socket as TcpSocket } from "node:net";
import { connect as connectSecure } from "node:tls";
import { WebSocket, WebSocketServer } from "ws";
import { WebSocketSocket } from "#lib/socket/web-socket.js";
import { DEFLATE } from "#lib/socket/web-socket-handshake.js";
import { CERTIFICATE, KEY } from "./certificate.js";
import { handshakeText } from "./socket-host.js";

/** A road that a WebSocket's bytes take to the system. */
export interface Way {
  readonly way: string;
  /** Whether compression is agreed on, and by whom messages are compressed then. */
  readonly compressed?: "by ws" | "by us";
  readonly secure?: boolean;
  /** What is done to a stream before it is a WebSocket. */
  prepare?(stream: TcpSocket): void;
}

export const PAST_BUFFER: Way = { way: "past the stream's buffer" };

export const WAYS: readonly Way[] = [
  PAST_BUFFER,
  {
    // Somebody who looks at what is written is to see all of it.
    way: "through the stream's buffer, where its write is not node's",
    prepare(stream) {
      const write = stream.write;
      stream.write = function (this: TcpSocket, ...args: unknown[]) {
        return Reflect.apply(write, this, args) as boolean;
      };
    },
  },
  // Two writes that overlap would end the process.
  { way: "over TLS", secure: true },
  // ws holds frames back while it compresses one: then nothing may be written beside it.
  { way: "through ws, which compresses", compressed: "by ws" },
  { way: "what was compressed once for all", compressed: "by us" },
  { way: "what was compressed once for all, over TLS", compressed: "by us", secure: true },
];

/** The server's side of a connection. */
interface Accepted {
  readonly ws: WebSocket;
  readonly socket: WebSocketSocket;
  readonly stream: TcpSocket;
}

export interface OpenedWebSocket extends Accepted {
  readonly client: WebSocket;
  /** What the client has got so far, binary messages as hex. */
  readonly messages: readonly string[];
  /** The messages, when there are so many. */
  arrived(count: number): Promise<readonly string[]>;
}

/** A server that makes sockets of ws connections, and its clients. */
export class WebSocketStage {
  readonly #way: Way;
  readonly #server: Server;
  readonly #webSockets: WebSocketServer;
  readonly #ends: (() => void)[] = [];

  constructor(way: Way) {
    const { compressed, secure, prepare } = way;
    this.#way = way;
    this.#server = secure ? createSecureServer({ key: KEY, cert: CERTIFICATE }) : createServer();
    this.#webSockets = new WebSocketServer({
      server: this.#server,
      perMessageDeflate: compressed === "by us" ? DEFLATE : compressed === "by ws" && { threshold: 0 },
    });
    this.#server.on("connection", (stream: TcpSocket) => {
      this.#ends.push(() => stream.destroy());
      prepare?.(stream);
    });
  }

  async start(): Promise<void> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
  }

  async close(): Promise<void> {
    for (const end of this.#ends) end();
    this.#server.close();
    await once(this.#server, "close");
  }

  async open(): Promise<OpenedWebSocket> {
    const accepting = this.#accept();
    const client = new WebSocket(`${this.#way.secure ? "wss" : "ws"}://127.0.0.1:${this.#port}`, {
      ca: CERTIFICATE,
    });
    const messages: string[] = [];
    this.#ends.push(() => client.terminate());
    client.on("message", (data: Buffer, isBinary: boolean) => {
      messages.push(isBinary ? data.toString("hex") : data.toString());
    });
    const accepted = await accepting;
    accepted.socket.listen({ data() {}, drained() {}, socketClosed() {} });
    if (client.readyState !== client.OPEN) await once(client, "open");

    const arrived = async (count: number) => {
      while (messages.length < count) await once(client, "message");
      return messages;
    };
    return { ...accepted, client, messages, arrived };
  }

  /** A client without ws, that gives all bytes behind the handshake when the server hangs up. */
  async openLine(): Promise<Accepted & { line: TcpSocket; bytes: Promise<Buffer> }> {
    const { secure, compressed } = this.#way;
    const accepting = this.#accept();
    const to = { port: this.#port, host: "127.0.0.1" };
    const line = secure ? connectSecure({ ...to, ca: CERTIFICATE }) : connect(to);
    this.#ends.push(() => line.destroy());
    line.on("error", () => {});
    line.write(handshakeText("/", compressed ? { "Sec-WebSocket-Extensions": "permessage-deflate" } : {}));
    await once(line, "data");
    const chunks: Buffer[] = [];
    line.on("data", (chunk: Buffer) => chunks.push(chunk));
    const bytes = once(line, "close").then(() => Buffer.concat(chunks));
    return { ...(await accepting), line, bytes };
  }

  get #port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  #accept(): Promise<Accepted> {
    return new Promise((resolve) => {
      this.#webSockets.once("connection", (ws, req) => {
        const isContextFree = this.#way.compressed === "by us";
        resolve({ ws, socket: new WebSocketSocket(ws, req.socket, { isContextFree }), stream: req.socket });
      });
    });
  }
}
