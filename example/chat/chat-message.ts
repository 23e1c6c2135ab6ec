import { MessageHandlingError } from "express-stomp";
import { readText } from "../shared/text.js";

export const MESSAGE_LIMIT = 1000;
/** How many messages of before a page is given, of a room and of private ones. */
export const HISTORY_LENGTH = 50;

/** Reads the text that a client sent, trimmed. What cannot be said is refused with its reason. */
export function readMessage(message: string): string {
  const text = readText(message);
  if (text === undefined) throw refusal("A message is text without control characters.");
  if (text === "") throw refusal("A message needs some text.");
  if (text.length > MESSAGE_LIMIT) {
    throw refusal(`A message has at most ${MESSAGE_LIMIT} characters; this one has ${text.length}.`);
  }
  return text;
}

/** An error whose text the client may read. */
export function refusal(text: string): MessageHandlingError {
  return new MessageHandlingError(text, { publicMessage: text });
}
