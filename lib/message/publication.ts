import { HeaderNames } from "./header-names.js";
import type { Message, MessageHeaders, PublishedHeaders } from "./message.js";

/**
 * Headers by which a frame speaks of itself. None of them goes on: they are
 * written anew in the next frame, or have no meaning there.
 */
const OF_FRAME = [
  "destination",
  "content-type",
  "content-length",
  "receipt",
  "transaction",
  "subscription",
  "message-id",
  "ack",
] as const;

export const OF_FRAME_NAMES = new HeaderNames(OF_FRAME);

/** The headers of a message that go on, to keep it or to hand it to another server. */
export function publishedHeaders({ destination, contentType, native }: MessageHeaders): PublishedHeaders {
  return { destination, contentType, native };
}

/** Makes of what was sent what all subscribers share. */
export function publication({ payload, headers }: Message, messageId: string): Message {
  const { destination, contentType, native } = headers;
  // One literal: V8 gives the copies that `...` makes a hidden class of their own, each.
  const shared = { messageType: "MESSAGE", destination, contentType, messageId, native } as const;
  return { payload, headers: shared satisfies PublishedHeaders };
}
