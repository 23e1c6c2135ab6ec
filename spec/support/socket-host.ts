import { EventEmitter, once } from "node:events";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, type Socket as TcpSocket } from "node:net";
import express, { type Express, type Request, type RequestHandler } from "express";
import { type ClientOptions, WebSocket } from "ws";
import type { HandshakeRefusal } from "#lib/events.js";
import { Endpoint, type EndpointOptions } from "#lib/socket/endpoint.js";
import type { HandshakeInterceptor } from "#lib/socket/handshake-interceptor.js";
import type { Handshake, Socket } from "#lib/socket/socket.js";
import { type AttachOptions, attach } from "#lib/socket/upgrade.js";

export interface Opened {
  readonly socket: Socket;
  readonly handshake: Handshake;
  /** The request that opened it. */
  readonly request: Request;
  /** What the client has sent, joined. */
  readonly received: Buffer[];
  /** Each call of the listener's `close`. */
  readonly closings: { code: number; reason: string }[];
  /** Emits `data` and `close`. */
  readonly events: EventEmitter;
}

export interface HostOptions {
  /** Whether sockets are listened to, and echo. Default true. */
  readonly echo?: boolean;
  /** What is done with each socket in place of that. */
  readonly opened?: (opened: Opened) => void;
  readonly messageSizeLimit?: number;
  readonly perMessageDeflate?: boolean;
}

/** An application with endpoints, on a port of its own. Its sockets echo. */
export class SocketHost {
  readonly app: Express = express();
  readonly server: Server = createServer(this.app);
  readonly log: string[] = [];
  /** The limits that were announced, with the user's name. */
  readonly limits: string[] = [];
  readonly opened: Opened[] = [];
  readonly refusals: HandshakeRefusal[] = [];
  readonly #events = new EventEmitter();
  readonly #lines = new Set<TcpSocket>();
  readonly #options: HostOptions;
  detach: () => void = () => {};

  constructor(options: HostOptions = {}) {
    this.#options = options;
    this.app.set("env", "test");
    this.server.on("connection", (line) => {
      this.#lines.add(line);
      line.once("close", () => this.#lines.delete(line));
    });
  }

  /** Mounts an endpoint as a messaging would. */
  endpoint(options: Partial<EndpointOptions> = {}, mount = "/"): Endpoint {
    const endpoint = new Endpoint(
      {
        path: "/ws",
        ...options,
        handshakeInterceptors: [...(options.handshakeInterceptors ?? []), noteRequest],
      },
      {
        messageSizeLimit: this.#options.messageSizeLimit ?? 65_536,
        perMessageDeflate: this.#options.perMessageDeflate ?? false,
        chooseSubProtocol: (offered) => [...offered].sort().at(-1),
        logger: {
          debug() {},
          info() {},
          warn: (text) => this.log.push(text),
          error: (text) => this.log.push(text),
        },
        limitPassedBy: () => undefined,
        refused: (refusal) => void this.refusals.push(refusal),
        limitExceeded: (limit, { user }) => void this.limits.push(user ? `${limit} ${user.name}` : limit),
        open: (socket, handshake) => this.#open(socket, handshake),
      },
    );
    const handler: RequestHandler = (req, res, next) => {
      if (!endpoint.handle(req, res, next)) next();
    };
    this.app.use(mount, handler);
    return endpoint;
  }

  async listen(options?: AttachOptions & { attach?: boolean }): Promise<number> {
    if (options?.attach !== false) this.detach = attach(this.server, options);
    this.server.listen(0, "127.0.0.1");
    await once(this.server, "listening");
    return this.port;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** TCP connections that are open. */
  get lines(): number {
    return this.#lines.size;
  }

  /** The nth socket that was opened, now or when it comes. */
  async nth(n: number): Promise<Opened> {
    while (this.opened.length <= n) await once(this.#events, "opened");
    return this.opened[n] as Opened;
  }

  async close(): Promise<void> {
    for (const line of this.#lines) line.destroy();
    this.server.close();
    await once(this.server, "close");
  }

  #open(socket: Socket, handshake: Handshake): void {
    const request = requests.get(handshake.attributes as object) as Request;
    const opened: Opened = {
      socket,
      handshake,
      request,
      received: [],
      closings: [],
      events: new EventEmitter(),
    };
    this.opened.push(opened);
    this.#events.emit("opened");
    if (this.#options.opened !== undefined) this.#options.opened(opened);
    else if (this.#options.echo !== false) echo(opened);
  }
}

/** Requests by the attributes that a handshake got. */
const requests = new WeakMap<object, Request>();
const noteRequest: HandshakeInterceptor = {
  beforeHandshake(request, _response, attributes) {
    requests.set(attributes, request);
    return true;
  },
};

/** Sends back what comes. */
export function echo(opened: Opened): void {
  listenTo(opened, (chunk) => opened.socket.send(chunk, false));
}

/** Listens to an opened socket; `onData` gets what arrives. */
export function listenTo(opened: Opened, onData: (chunk: Uint8Array) => void = () => {}): void {
  opened.socket.listen({
    data(chunk) {
      opened.received.push(Buffer.from(chunk));
      onData(chunk);
      opened.events.emit("data");
    },
    drained: () => void opened.events.emit("drained"),
    socketClosed(code, reason) {
      opened.closings.push({ code, reason });
      opened.events.emit("close");
    },
  });
}

export function receivedText(opened: Opened): string {
  return Buffer.concat(opened.received).toString();
}

export async function closing(opened: Opened): Promise<{ code: number; reason: string }> {
  if (opened.closings.length === 0) await once(opened.events, "close");
  return opened.closings[0] as { code: number; reason: string };
}

/** The bytes of a WebSocket handshake; a header of `null` is left out. */
export function handshakeText(
  path: string,
  headers: Record<string, string | null> = {},
  method = "GET",
): string {
  const all: Record<string, string | null> = {
    Host: "localhost",
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    ...headers,
  };
  const lines = Object.entries(all).flatMap(([name, value]) =>
    value === null ? [] : [`${name}: ${value}\r\n`],
  );
  return `${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n`;
}

/** Writes bytes and gives what comes back until the server hangs up. */
export async function converse(port: number, bytes: string | Buffer): Promise<string> {
  const line = connect(port, "127.0.0.1");
  line.write(bytes);
  const chunks: Buffer[] = [];
  line.on("data", (chunk: Buffer) => chunks.push(chunk));
  // A server that cuts the line has answered too.
  line.on("error", () => {});
  line.on("end", () => line.end());
  await new Promise((resolve) => line.once("close", resolve));
  return Buffer.concat(chunks).toString();
}

/** Writes bytes and gives what comes back as soon as it matches. */
export async function converseUntil(port: number, bytes: string | Buffer, expected: RegExp): Promise<string> {
  const line = connect(port, "127.0.0.1");
  line.write(bytes);
  let text = "";
  await new Promise<void>((resolve, reject) => {
    line.on("error", reject);
    line.on("close", () => reject(new Error(`closed after: ${text}`)));
    line.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
      if (expected.test(text)) resolve();
    });
  });
  line.destroy();
  return text;
}

export interface Client {
  readonly ws: WebSocket;
  next(): Promise<string>;
  closed(): Promise<{ code: number; reason: string }>;
}

/** Connects, or throws the status that the server answered. */
export async function openWebSocket(
  port: number,
  path: string,
  { protocols = [], ...options }: ClientOptions & { protocols?: string[] } = {},
): Promise<Client> {
  const ws = new WebSocket(`ws://127.0.0.1:${port}${path}`, protocols, {
    perMessageDeflate: false,
    ...options,
  });
  const messages: string[] = [];
  const events = new EventEmitter();
  let ending: { code: number; reason: string } | undefined;
  ws.on("message", (data) => {
    messages.push(String(data));
    events.emit("message");
  });
  ws.on("close", (code, reason) => {
    ending = { code, reason: reason.toString() };
    events.emit("close");
  });
  await once(ws, "open");
  ws.on("error", () => {});
  return {
    ws,
    async next() {
      while (messages.length === 0) await once(events, "message");
      return messages.shift() as string;
    },
    async closed() {
      if (ending === undefined) await once(events, "close");
      return ending as { code: number; reason: string };
    },
  };
}
