import { MessageDeliveryError } from "../errors.js";
import { printable } from "../logger.js";
import type { Frame } from "../stomp/frame.js";

const NO_WORDS = "The broker sent ERROR without a word";

/**
 * Makes an error of a broker's ERROR frame; its text is public. Of a body in
 * text it has the first line: RabbitMQ says there what was wrong, and ActiveMQ
 * begins a stack trace, which is nobody's business.
 *
 * @param secret a passcode that a broker might repeat
 */
export function brokerError({ headers, body }: Frame, secret: string): MessageDeliveryError {
  const message = headers.get("message") ?? "";
  const isText = headers.get("content-type")?.startsWith("text/plain") ?? true;
  const [detail = ""] = isText
    ? Buffer.from(body.subarray(0, 1000))
        .toString()
        .trim()
        .split(/[\r\n]/)
    : [];
  const repeats = message.includes(detail) || (message !== "" && detail.includes(message));
  const text = printable((repeats ? message : [message, detail].filter(Boolean).join(": ")) || NO_WORDS);
  const clean = secret === "" ? text : text.replaceAll(secret, "***");
  return new MessageDeliveryError(clean, { code: "BROKER_ERROR", publicMessage: clean });
}
