import { MessageDeliveryError } from "../errors.js";
import { printable } from "../logger.js";
import type { Frame } from "../stomp/frame.js";

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
  const parts = [message, detail].filter((part, i, all) => part !== "" && !all[i - 1]?.includes(part));
  const text = printable(parts.join(": ") || "The broker sent ERROR");
  const clean = secret === "" ? text : text.replaceAll(secret, "***");
  return new MessageDeliveryError(clean, { code: "BROKER_ERROR", publicMessage: clean });
}
