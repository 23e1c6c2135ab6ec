import { LimitExceededError, StompConversionError } from "../errors.js";
import { type Message, type MessageHeaders, NO_PAYLOAD, type SessionHeaders } from "../message/message.js";
import { NativeHeaders } from "../message/native-headers.js";
import { withoutReserved } from "../message/reserved-headers.js";
import { ownText } from "../own-text.js";
import type { ClientCommand } from "../stomp/command.js";
import type { Frame } from "../stomp/frame.js";
import type { StompVersion } from "../stomp/version.js";

const ACK_MODES = new Set(["auto", "client", "client-individual"]);

/**
 * Makes a client's frame a message.
 *
 * @throws StompConversionError when the frame lacks what its command requires in this version
 */
export function clientMessage(frame: Frame, version: StompVersion, session: SessionHeaders): Message {
  const { body } = frame;
  const native = withoutReserved(frame.headers, "client");
  const command = frame.command as ClientCommand;
  // One literal for each kind of message: V8 gives the copies that `...` makes a hidden class of their own, each.
  const { sessionId, user, sessionAttributes } = session;

  switch (command) {
    case "SEND": {
      const destination = required(frame, "destination");
      const contentType = native.get("content-type");
      const messageType = "MESSAGE";
      return {
        payload: body,
        headers: { sessionId, user, sessionAttributes, messageType, native, destination, contentType },
      };
    }

    case "SUBSCRIBE": {
      // It outlives its frame, which has more headers.
      const destination = ownText(required(frame, "destination"));
      const ack = native.get("ack");
      if (ack !== undefined && !ACK_MODES.has(ack)) {
        throw new StompConversionError(`SUBSCRIBE has an unknown ack mode: ${ack}`);
      }
      const subscriptionId = ownText(idOf(frame, version));
      return empty({
        sessionId,
        user,
        sessionAttributes,
        messageType: command,
        native,
        destination,
        subscriptionId,
      });
    }

    case "UNSUBSCRIBE": {
      const subscriptionId = idOf(frame, version);
      return empty({ sessionId, user, sessionAttributes, messageType: command, native, subscriptionId });
    }

    case "ACK":
    case "NACK":
      return empty({
        ...session,
        messageType: "OTHER",
        native,
        stompCommand: command,
        ...acknowledged(frame, version),
      });

    case "BEGIN":
    case "COMMIT":
    case "ABORT":
      required(frame, "transaction");
      return empty({ ...session, messageType: "OTHER", native, stompCommand: command });

    case "CONNECT":
    case "STOMP":
      return empty({ sessionId, user, sessionAttributes, messageType: "CONNECT", native });

    case "DISCONNECT":
      return empty({ sessionId, user, sessionAttributes, messageType: command, native });
  }
}

function empty(headers: MessageHeaders): Message {
  return { payload: NO_PAYLOAD, headers };
}

/** What is kept under an id that a client chose keeps the id, too. @throws LimitExceededError when it is too long */
export function checkId(frame: Frame, header: string, limit: number): void {
  const id = frame.headers.get(header);
  if (id !== undefined && id.length > limit) {
    throw new LimitExceededError(`The ${header} of ${frame.command}`, "idLengthLimit", limit);
  }
}

/** The DISCONNECT of a client that went away without one. */
export function disconnectMessage(session: SessionHeaders): Message {
  return empty({ ...session, messageType: "DISCONNECT", native: NativeHeaders.EMPTY });
}

/** What an ACK or NACK names: each version knows it by other headers. */
function acknowledged(
  frame: Frame,
  version: StompVersion,
): Pick<MessageHeaders, "ackId" | "messageId" | "subscriptionId"> {
  if (version === "1.2") return { ackId: required(frame, "id") };

  if (version === "1.0" && frame.command === "NACK") throw new StompConversionError("STOMP 1.0 has no NACK");
  return {
    messageId: required(frame, "message-id"),
    subscriptionId: version === "1.1" ? required(frame, "subscription") : frame.headers.get("subscription"),
  };
}

/** A 1.0 subscription may have no id and is then known by its destination (STOMP 1.0, SUBSCRIBE). */
function idOf(frame: Frame, version: StompVersion): string {
  const id = frame.headers.get("id");
  return version === "1.0" && id === undefined ? required(frame, "destination") : required(frame, "id");
}

function required(frame: Frame, name: string): string {
  const value = frame.headers.get(name);
  if (!value) throw new StompConversionError(`${frame.command} has no ${name} header`);
  return value;
}
