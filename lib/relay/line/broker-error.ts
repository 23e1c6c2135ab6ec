import { MessageDeliveryError, soon } from "../../errors.js";
import { printable } from "../../logger.js";
import type { NativeHeaders } from "../../message/native-headers.js";
import type { Frame } from "../../stomp/frame.js";

const NO_WORDS = "The broker sent ERROR without a word";

/**
 * Makes an error of a broker's ERROR frame; its text is public. Of a body in
 * text it has the first line: RabbitMQ says there what was wrong, and ActiveMQ
 * begins a stack trace, which is nobody's business. Whether it is about what
 * the client sent, or about the broker's own shutdown, its words do not say.
 *
 * @param connect the headers of our CONNECT, whose passcode a broker might repeat
 */
export function brokerError({ headers, body }: Frame, connect: NativeHeaders): MessageDeliveryError {
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
  const passcode = connect.get("passcode") ?? "";
  const isSecret = passcode !== "" && passcode !== connect.get("login");
  const clean = isSecret ? text.replaceAll(passcode, "***") : text;
  return new MessageDeliveryError(clean, { code: "BROKER_ERROR", publicMessage: clean, retry: soon() });
}

/**
 * Whether a broker's ERROR is about no frame of ours: RabbitMQ complains of
 * what it was about to deliver itself when UNSUBSCRIBE came. Nobody is to
 * blame, and the connection goes on.
 */
export function isAboutNothing({ headers, body }: Frame): boolean {
  return (
    headers.get("message") === "Subscription not found" &&
    Buffer.from(body.subarray(0, 100)).toString().startsWith("There is no current subscription with tag")
  );
}
