import type { IncomingMessage, ServerResponse } from "node:http";
import type { HandshakeRefusal } from "../events.js";
import { answer } from "./answer.js";

/** A handshake that is to be refused. */
export interface Refusal extends Omit<HandshakeRefusal, "request" | "message" | "status"> {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** The line that the client reads. Default: none, where the protocol wants an answer without a body. */
  readonly text?: string;
  /** Default: `text`. */
  readonly message?: string;
}

export const CLOSING: Refusal = { reason: "closing", status: 503, text: "The server is closing." };

export function tooMany(limit: string): Refusal {
  const headers = { "Retry-After": "5" };
  const message = `Too many connections: ${limit}.`;
  return { reason: "limit", status: 503, headers, text: "Too many connections.", message, limit };
}

/** Is told of each handshake that was refused. */
export type Refused = (refusal: HandshakeRefusal) => void;

/** Answers a handshake, and tells of it. */
export function refuse(req: IncomingMessage, res: ServerResponse, refusal: Refusal, refused: Refused): void {
  const { reason, status, headers, text = "", message = text, limit } = refusal;
  answer(res, status, text === "" ? "" : `${text}\n`, headers);
  refused({ reason, status, message, limit, request: req });
}
