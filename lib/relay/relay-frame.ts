import { createMessage, type Message, type MessageHeaders, NO_PAYLOAD } from "../message/message.js";
import { NativeHeaders } from "../message/native-headers.js";
import type { ClientCommand } from "../stomp/command.js";
import type { Frame } from "../stomp/frame.js";

/** Gives the frame of a client's message, as the client wrote it but for what interceptors changed. The receipt is ours. */
export function clientFrame({ payload, headers }: Message): Frame {
  const { messageType, stompCommand, destination, subscriptionId, contentType, native } = headers;
  const others = native.without("receipt");
  const id = subscriptionId;
  if (messageType === "MESSAGE")
    return frame("SEND", others, { destination, "content-type": contentType }, payload);
  if (messageType === "SUBSCRIBE") return frame("SUBSCRIBE", others, { id, destination });
  if (messageType === "UNSUBSCRIBE") return frame("UNSUBSCRIBE", others, { id });
  return frame(stompCommand as ClientCommand, others, {});
}

/** Gives SEND for what the application sends. Headers that would make it part of something else are left out. */
export function applicationFrame({ payload, headers }: Message): Frame {
  const { destination, contentType, native } = headers;
  const others = native.without("receipt", "transaction", "subscription", "message-id", "ack", "id");
  return frame("SEND", others, { destination, "content-type": contentType }, payload);
}

/** Gives UNSUBSCRIBE for a subscription that its client does not end itself. */
export function unsubscribeFrame(id: string, queue: string | undefined): Frame {
  return frame("UNSUBSCRIBE", NativeHeaders.EMPTY, { id, "x-queue-name": queue });
}

/** Gives a MESSAGE of the broker as a message, with all its headers as they came. */
export function brokerMessage({ headers, body }: Frame, ours: Partial<MessageHeaders> = {}): Message {
  return createMessage(body, {
    destination: headers.get("destination"),
    subscriptionId: headers.get("subscription"),
    messageId: headers.get("message-id"),
    ackId: headers.get("ack"),
    contentType: headers.get("content-type"),
    native: headers,
    ...ours,
  });
}

function frame(
  command: ClientCommand,
  others: NativeHeaders,
  headers: Readonly<Record<string, string | undefined>>,
  body: Uint8Array = NO_PAYLOAD,
): Frame {
  const named = NativeHeaders.of(headers);
  return { command, headers: NativeHeaders.of([...named, ...others.without(...Object.keys(headers))]), body };
}
