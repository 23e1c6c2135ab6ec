import { refusal } from "../../errors.js";
import type { Message } from "../../message/message.js";
import type { BrokerConnection } from "../line/broker-connection.js";
import { clientFrame } from "../line/relay-frame.js";

/** Receipts that one connection may wait for at a time: each is kept here. */
const RECEIPT_LIMIT = 10_000;

/**
 * Passes on what a client sent. Done when the broker's line has room; a receipt waits for the broker's, beside what follows.
 *
 * @param full what becomes of a frame with a receipt when too many are outstanding: it is refused, or, where others
 *   may be to blame, what follows waits until it is confirmed
 */
export function forward(
  connection: BrokerConnection,
  message: Message,
  full: "refuse" | "wait",
): void | Promise<void> {
  const { receipt } = message.headers;
  if (!receipt) return connection.send(clientFrame(message));

  const isFull = connection.unconfirmed >= RECEIPT_LIMIT;
  if (isFull && full === "refuse") {
    throw refusal(`At most ${RECEIPT_LIMIT} receipts can be outstanding`);
  }
  const { written, confirmed } = connection.request(clientFrame(message));
  if (isFull) return confirmed;
  receipt.waitFor(confirmed);
  return written;
}
