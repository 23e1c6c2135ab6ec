import { refusal } from "../../errors.js";
import { printable } from "../../logger.js";
import type { Message } from "../../message/message.js";
import type { RelaySettings } from "../relay-settings.js";

/** Bytes that a broker adds to a message's head: an id of a subscription, one of the message, and more. */
const BROKERS_HEAD = 512;
/** Names and line ends of the headers that are no native ones. */
const OUR_HEAD = 64;

/**
 * Refuses a message that we would not take back from the broker: it would cost
 * everybody who hears it the connection.
 *
 * @throws MessageDeliveryError that names the limit
 */
export function checkMessageSize(
  { payload, headers }: Message,
  { messageSizeLimit, headerBytesLimit }: Pick<RelaySettings, "messageSizeLimit" | "headerBytesLimit">,
): void {
  const { destination = "", contentType = "", native } = headers;
  let head = BROKERS_HEAD + OUR_HEAD + contentType.length;
  // No character takes more.
  const most = head + 3 * destination.length + 3 * native.byteLength;
  if (most <= headerBytesLimit && most + payload.byteLength <= messageSizeLimit) return;

  head += Buffer.byteLength(destination);
  for (const [name, value] of native) head += Buffer.byteLength(name) + Buffer.byteLength(value) + 2;
  const to = `A message to ${printable(destination)}`;
  if (head > headerBytesLimit) {
    throw refusal(`${to} has ${head} bytes of headers: headerBytesLimit of the relay is ${headerBytesLimit}`);
  }
  const size = head + payload.byteLength;
  if (size > messageSizeLimit) {
    throw refusal(
      `${to} has ${size} bytes with its headers: messageSizeLimit of the relay is ${messageSizeLimit}`,
    );
  }
}
