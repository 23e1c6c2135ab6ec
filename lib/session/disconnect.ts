import { emptyMessage } from "../message/message.js";
import { NativeHeaders } from "../message/native-headers.js";
import { withoutReserved } from "../message/reserved-headers.js";
import type { ClientSession } from "./client-session.js";
import type { CommandMeaning } from "./exchange.js";

/** The WebSocket close code of an end that was wished for. */
const NORMAL = 1000;

/** DISCONNECT. Whatever was received before it has been handled when it begins; no frame follows. */
export const disconnect: CommandMeaning = {
  opens: false,
  alone: true,
  settles: false,

  message(frame, session) {
    const native = withoutReserved(frame.headers, "client");
    const message = emptyMessage({ messageType: "DISCONNECT", native, ...session.messageHeaders });
    session.leave();
    return message;
  },

  handled({ session, receiptId }) {
    if (receiptId !== undefined) session.receipt(receiptId);
    session.owesDisconnect = false;
    session.close(NORMAL, "Disconnected");
  },

  /** Every handler has got it all the same. */
  failed(exchange, error) {
    const { session } = exchange;
    if (session.state === "connected") {
      session.context.logger.error(`DISCONNECT of session ${session.id} failed`, error);
      session.owesDisconnect = false;
    }
    session.fail(error, exchange);
  },
};

/** Sends the DISCONNECT that a client did not send. Never rejects. */
export async function sayDisconnect({ id, messageHeaders, context }: ClientSession): Promise<void> {
  const native = NativeHeaders.EMPTY;
  try {
    await context.clientInboundChannel.carry(
      emptyMessage({ messageType: "DISCONNECT", native, ...messageHeaders }),
    );
  } catch (error) {
    context.logger.error(`DISCONNECT of session ${id} failed`, error);
  }
}
