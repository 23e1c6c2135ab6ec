import { randomUUID } from "node:crypto";
import type { Duplex } from "node:stream";
import WebSocket from "ws";
import { type Connection, type ConnectionListener, type Handshake, refusedBy } from "./transport.js";

/** Makes a WebSocket on a line in memory. */
export function inMemoryWebSocket({ path, headers, protocols, line }: Handshake): WebSocket {
  return new WebSocket(`ws://localhost${path}`, [...protocols], {
    headers: { ...headers },
    // ws takes what Node's net.connect gives: a Duplex does for all that it calls.
    createConnection: line as () => Duplex as never,
  });
}

/** Opens a connection by WebSocket. @throws HandshakeRefusedError when it is answered otherwise */
export function openWebSocket(handshake: Handshake, listener: ConnectionListener): Promise<Connection> {
  return open(handshake, listener, (data) => listener.bytes(data));
}

/** The same, in SockJS's frames. */
export function openSockJsWebSocket(handshake: Handshake, listener: ConnectionListener): Promise<Connection> {
  const path = `${handshake.path}/000/${randomUUID()}/websocket`;
  let closed: { readonly code: number; readonly reason: string } | undefined;
  const read = new SockJsReader({
    bytes: (bytes) => listener.bytes(bytes),
    closed: (code, reason) => {
      closed = { code, reason };
    },
  });
  return open(
    { ...handshake, path, protocols: [] },
    {
      bytes: () => {},
      closed: (code, reason) => listener.closed(closed?.code ?? code, closed?.reason ?? reason),
    },
    (data) => read.frame(data.toString()),
    (bytes) => JSON.stringify([Buffer.from(bytes).toString()]),
  );
}

function open(
  handshake: Handshake,
  listener: ConnectionListener,
  take: (data: Buffer) => void,
  framed?: (bytes: Uint8Array) => string,
): Promise<Connection> {
  const webSocket = inMemoryWebSocket(handshake);
  const opened = new Promise<Connection>((resolve, reject) => {
    webSocket.once("open", () =>
      resolve({
        send: (bytes, isBinary) => {
          if (framed) webSocket.send(framed(bytes));
          else webSocket.send(bytes, { binary: isBinary });
        },
        close: () => webSocket.close(),
      }),
    );
    webSocket.once("unexpected-response", (_request, answer) => {
      void refusedBy(answer).then(reject, reject);
    });
    webSocket.on("error", reject);
  });
  webSocket.on("message", (data: Buffer) => take(data));
  webSocket.on("close", (code, reason) => listener.closed(code, reason.toString()));
  return opened;
}

/** Reads SockJS's frames: `o`, `h`, `a[…]`, `c[…]`. */
export class SockJsReader {
  readonly #listener: ConnectionListener;
  isOpen = false;

  constructor(listener: ConnectionListener) {
    this.#listener = listener;
  }

  frame(text: string): void {
    const [kind, rest] = [text[0], text.slice(1)];
    if (kind === "o") {
      this.isOpen = true;
    } else if (kind === "a") {
      for (const each of JSON.parse(rest) as string[]) this.#listener.bytes(Buffer.from(each));
    } else if (kind === "c") {
      const [code, reason] = JSON.parse(rest) as [number, string];
      this.#listener.closed(code, reason);
    }
  }
}
