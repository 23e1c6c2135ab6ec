import { StompConversionError } from "../errors.js";
import { emptyMessage, type Message } from "../message/message.js";
import { withoutReserved } from "../message/reserved-headers.js";
import { ownText } from "../own-text.js";
import type { ClientCommand } from "../stomp/command.js";
import type { Frame } from "../stomp/frame.js";
import type { ClientSession } from "./client-session.js";
import { connect } from "./connect.js";
import { disconnect } from "./disconnect.js";
import { answer, type CommandMeaning, checkId, fail } from "./exchange.js";

const ACK_MODES = new Set(["auto", "client", "client-individual"]);

// Headers of the session are spread last: V8 gives an object that is spread and added to a hidden class of its own.
const MEANINGS: Readonly<Record<ClientCommand, CommandMeaning>> = {
  CONNECT: connect,
  STOMP: connect,
  DISCONNECT: disconnect,

  SEND: meaning((frame, session) => {
    const native = withoutReserved(frame.headers, "client");
    const destination = required(frame, "destination");
    const contentType = native.get("content-type");
    return {
      payload: frame.body,
      headers: { messageType: "MESSAGE", native, destination, contentType, ...session.messageHeaders },
    };
  }),

  SUBSCRIBE: meaning((frame, session) => {
    checkId(frame, "id", session);
    const native = withoutReserved(frame.headers, "client");
    // Both outlive their frame, which has more headers.
    const destination = ownText(required(frame, "destination"));
    const ack = native.get("ack");
    if (ack !== undefined && !ACK_MODES.has(ack)) {
      throw new StompConversionError(`SUBSCRIBE has an unknown ack mode: ${ack}`);
    }
    const subscriptionId = ownText(idOf(frame, session));
    const messageType = "SUBSCRIBE";
    return emptyMessage({ messageType, native, destination, subscriptionId, ...session.messageHeaders });
  }),

  UNSUBSCRIBE: meaning((frame, session) => {
    const native = withoutReserved(frame.headers, "client");
    const subscriptionId = idOf(frame, session);
    return emptyMessage({ messageType: "UNSUBSCRIBE", native, subscriptionId, ...session.messageHeaders });
  }),

  ACK: meaning(acknowledgement, { settles: true }),
  NACK: meaning(acknowledgement, { settles: true }),

  BEGIN: meaning((frame, session) => {
    checkId(frame, "transaction", session);
    return ofTransaction(frame, session);
  }),
  COMMIT: meaning(ofTransaction, { settles: true }),
  ABORT: meaning(ofTransaction),
};

/** The meaning of a client's frame. */
export function meaningOf({ command }: Frame): CommandMeaning {
  return MEANINGS[command as ClientCommand];
}

function meaning(message: CommandMeaning["message"], { settles = false } = {}): CommandMeaning {
  return { opens: false, alone: false, settles, message, handled: answer, failed: fail };
}

/** Each version knows by other headers what an ACK or NACK names. */
function acknowledgement(frame: Frame, session: ClientSession): Message {
  const native = withoutReserved(frame.headers, "client");
  const { command: stompCommand } = frame;
  const { version, messageHeaders } = session;
  const messageType = "OTHER";
  if (version === "1.2") {
    const ackId = required(frame, "id");
    return emptyMessage({ messageType, native, stompCommand, ackId, ...messageHeaders });
  }
  if (version === "1.0" && stompCommand === "NACK") throw new StompConversionError("STOMP 1.0 has no NACK");

  const messageId = required(frame, "message-id");
  const subscriptionId =
    version === "1.1" ? required(frame, "subscription") : frame.headers.get("subscription");
  return emptyMessage({ messageType, native, stompCommand, messageId, subscriptionId, ...messageHeaders });
}

function ofTransaction(frame: Frame, session: ClientSession): Message {
  required(frame, "transaction");
  const native = withoutReserved(frame.headers, "client");
  const { command: stompCommand } = frame;
  return emptyMessage({ messageType: "OTHER", native, stompCommand, ...session.messageHeaders });
}

/** A 1.0 subscription may have no id and is then known by its destination (STOMP 1.0, SUBSCRIBE). */
function idOf(frame: Frame, { version }: ClientSession): string {
  const id = frame.headers.get("id");
  return version === "1.0" && id === undefined ? required(frame, "destination") : required(frame, "id");
}

function required(frame: Frame, name: string): string {
  const value = frame.headers.get(name);
  if (!value) throw new StompConversionError(`${frame.command} has no ${name} header`);
  return value;
}
