import { createMessage, type Message, type MessageHeaders, NO_PAYLOAD } from "../../message/message.js";
import { NativeHeaders } from "../../message/native-headers.js";
import { OF_FRAME_NAMES } from "../../message/publication.js";
import { withoutReserved } from "../../message/reserved-headers.js";
import type { ClientCommand } from "../../stomp/command.js";
import type { Frame } from "../../stomp/frame.js";

/** Gives the frame of a client's message, with the headers that are for the broker. */
export function clientFrame({ payload, headers }: Message): Frame {
  const { messageType, stompCommand, destination, subscriptionId, contentType, native } = headers;
  const id = subscriptionId;
  if (messageType === "MESSAGE")
    return frame("SEND", native, { destination, "content-type": contentType }, payload);
  if (messageType === "SUBSCRIBE") return frame("SUBSCRIBE", native, { id, destination });
  if (messageType === "UNSUBSCRIBE") return frame("UNSUBSCRIBE", native, { id });
  return frame(stompCommand as ClientCommand, native, {});
}

/** Gives SEND for what the application sends. Headers that would make it part of something else are left out. */
export function applicationFrame({ payload, headers }: Message): Frame {
  const { destination, contentType, native } = headers;
  const others = native.withoutAll(OF_FRAME_NAMES).without("id");
  return frame("SEND", others, { destination, "content-type": contentType }, payload);
}

/** Gives UNSUBSCRIBE for a subscription that its client does not end itself. */
export function unsubscribeFrame(id: string, queue: string | undefined): Frame {
  return frame("UNSUBSCRIBE", NativeHeaders.EMPTY, { id, "x-queue-name": queue });
}

/** Gives a MESSAGE of the broker as a message, with all its headers as they came but for what only we say. */
export function brokerMessage({ headers, body }: Frame, ours: Partial<MessageHeaders> = {}): Message {
  return createMessage(body, {
    destination: headers.get("destination"),
    subscriptionId: headers.get("subscription"),
    messageId: headers.get("message-id"),
    ackId: headers.get("ack"),
    contentType: headers.get("content-type"),
    native: withoutReserved(headers, "broker"),
    ...ours,
  });
}

function frame(
  command: ClientCommand,
  others: NativeHeaders,
  headers: Readonly<Record<string, string | undefined>>,
  body: Uint8Array = NO_PAYLOAD,
): Frame {
  return { command, headers: NativeHeaders.of([...NativeHeaders.of(headers), ...others]), body };
}
