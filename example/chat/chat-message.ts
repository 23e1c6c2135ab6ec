import { MessageHandlingError } from "express-stomp";
import { readText } from "../shared/text.js";

/** A message of a member in a room. */
export interface ChatMessage {
  readonly kind: "message";
  /** Counts up: who has seen number 7 has been told nothing new by number 6. */
  readonly id: number;
  readonly roomId: string;
  readonly writer: string;
  readonly message: string;
  /** Milliseconds since 1970. */
  readonly sentAt: number;
}

/** News that someone came in, told to those present and not kept. Pages put it into words, in their language. */
export interface ChatEntrance {
  readonly kind: "enter";
  readonly roomId: string;
  readonly writer: string;
  readonly sentAt: number;
}

export const MESSAGE_LIMIT = 1000;

/** Reads the text out of what a client sent, trimmed. What cannot be said is refused with its reason. */
export function readMessage(payload: unknown): string {
  const text = readText(field(payload, "message"));
  if (text === undefined) throw refusal("A message is text without control characters.");
  if (text === "") throw refusal("A message needs some text.");
  if (text.length > MESSAGE_LIMIT) {
    throw refusal(`A message has at most ${MESSAGE_LIMIT} characters; this one has ${text.length}.`);
  }
  return text;
}

/** Reads one field of what a client sent, which may be no object at all. */
export function field(payload: unknown, name: "roomId" | "message" | "name" | "reason"): unknown {
  return typeof payload === "object" && payload !== null
    ? (payload as Record<string, unknown>)[name]
    : undefined;
}

/** An error whose text the client may read. */
export function refusal(text: string): MessageHandlingError {
  return new MessageHandlingError(text, { publicMessage: text });
}
