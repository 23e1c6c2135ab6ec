import type { IncomingMessage } from "node:http";
import type { LineEnd } from "./in-memory-line.js";
import type { LineFaults } from "./line-faults.js";

/** How a client reaches the server: `websocket`, or SockJS in one of its ways. */
export type TestTransport = "websocket" | "sockjs-websocket" | "xhr-streaming" | "xhr-polling";

/** A handshake, as a transport makes it. */
export interface Handshake {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly protocols: readonly string[];
  readonly faults: LineFaults;
  /** Opens another line to the server. */
  line(): LineEnd;
}

/** Is told what comes of a connection. */
export interface ConnectionListener {
  bytes(bytes: Uint8Array): void;
  closed(code: number, reason: string): void;
}

/** A connection to the server. */
export interface Connection {
  send(bytes: Uint8Array, isBinary: boolean): void;
  close(): void;
}

/** A handshake that the server, or the application before it, has answered otherwise. */
export class HandshakeRefusedError extends Error {
  override readonly name = "HandshakeRefusedError";
  /** The HTTP status of the answer. */
  readonly status: number;

  constructor(status: number, text: string) {
    super(`${status} ${text.trim()}`);
    this.status = status;
  }
}

export async function refusedBy(answer: IncomingMessage): Promise<HandshakeRefusedError> {
  return new HandshakeRefusedError(answer.statusCode ?? 0, await textOf(answer));
}

export async function textOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
