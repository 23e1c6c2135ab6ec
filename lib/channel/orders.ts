import { Delivery } from "../message/delivery.js";
import { frameSizeOf, type Message, sizeOf } from "../message/message.js";
import type { Order } from "./lanes.js";

/** Bytes that the promises of a sending keep alive while it waits, that of its sender's `await` among them: roughly. */
const PROMISES = 4_608;

/** The order of `clientOutboundChannel`: what a session is sent, which it pays for by the bytes of the frames. */
export function sessionOrder(options: Omit<Order, "of" | "payer" | "sizeOf" | "patience">): Order {
  return { ...options, of: sessionOf, sizeOf: sizeFor };
}

/**
 * The order of `brokerChannel`: what controllers send for one session, and what
 * the application sends by itself to one destination. It pays for all of that
 * together, by what it takes to keep it.
 */
export function senderOrder(options: Omit<Order, "of" | "payer" | "sizeOf" | "mayDrop" | "dropped">): Order {
  return {
    ...options,
    of: ({ headers: { sessionId, destination } }) =>
      sessionId === undefined ? `to ${destination}` : `from ${sessionId}`,
    payer: ({ headers }) => headers.sessionId ?? "",
    sizeOf: (message) => sizeOf(message) + PROMISES,
  };
}

/** How long the frame of a message is. */
function sizeFor(message: Message): number {
  if (!(message instanceof Delivery)) return frameSizeOf(message);
  // As above: no headers are made for the question.
  return frameSizeOf(message.publication) + message.subscriptionId.length;
}

function sessionOf(message: Message): string {
  // A delivery would make headers of its own for the question.
  return (message instanceof Delivery ? message.sessionId : message.headers.sessionId) ?? "";
}
