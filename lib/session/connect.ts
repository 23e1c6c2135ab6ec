import { refusal, StompConversionError } from "../errors.js";
import { emptyMessage, type Message, NO_PAYLOAD } from "../message/message.js";
import { NativeHeaders } from "../message/native-headers.js";
import { withoutReserved } from "../message/reserved-headers.js";
import { isSayable } from "../stomp/encoder.js";
import type { Frame } from "../stomp/frame.js";
import { agreeHeartBeat, NO_HEART_BEAT, parseHeartBeat } from "../stomp/heart-beat.js";
import { negotiate } from "../stomp/version.js";
import type { ClientSession } from "./client-session.js";
import type { CommandMeaning } from "./exchange.js";

/** CONNECT, and STOMP, which says the same. */
export const connect: CommandMeaning = {
  opens: true,
  alone: true,
  settles: false,

  message(frame, session) {
    if (session.state === "connected") {
      throw new StompConversionError(`${frame.command} came twice: already connected`);
    }
    if (!session.version) {
      const offered = frame.headers.get("accept-version") ?? "";
      throw new StompConversionError(`No STOMP version in common with accept-version ${offered}`, {
        code: "STOMP_VERSION",
      });
    }
    session.heartBeatOffer = parseHeartBeat(frame.headers.get("heart-beat"));
    session.outbound.version = session.version;
    session.state = "connecting";
    session.owesDisconnect = true;
    const native = withoutReserved(frame.headers, "client");
    return emptyMessage({ messageType: "CONNECT", native, ...session.messageHeaders });
  },

  handled({ session, message }) {
    if (session.state !== "connected") throw refusal("The connection was refused");
    session.processed(message as Message);
  },

  /** CONNECT gets no RECEIPT, and a session that is not connected does not go on. */
  failed({ session, message }, error) {
    session.fail(error, { message });
  },
};

/** Notes the version that a CONNECT agrees on as soon as it is read: the frames behind it are written in it. */
export function agreeVersion({ command, headers }: Frame, session: ClientSession): void {
  if (command === "CONNECT" || command === "STOMP")
    session.version = negotiate(headers.get("accept-version"));
}

/** Writes CONNECTED, and begins heart-beats: the broker has answered CONNECT. */
export function accept(session: ClientSession, { headers }: Message): void {
  if (session.state !== "connecting") return;

  const { user, heartbeat = NO_HEART_BEAT } = headers;
  session.user = user;
  session.state = "connected";
  session.connected();
  if (session.closed) return;

  const [sends, receives] = heartbeat;
  const said = NativeHeaders.of({
    version: session.outbound.version,
    "heart-beat": `${sends},${receives}`,
    server: "express-stomp",
    session: session.id,
    // CONNECTED knows no escapes (STOMP 1.2, Value Encoding): a name with line breaks cannot be said.
    "user-name": user !== undefined && isSayable(user.name) ? user.name : undefined,
  });
  session.outbound.frame({ command: "CONNECTED", headers: said, body: NO_PAYLOAD });
  session.beat(agreeHeartBeat(session.heartBeatOffer, heartbeat));
}
