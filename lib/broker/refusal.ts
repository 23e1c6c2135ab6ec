import { MessageDeliveryError, type Retry } from "../errors.js";

/** An error whose text the client reads, since nobody else is to know better. */
export function refusal(
  text: string,
  { cause, retry }: { cause?: unknown; retry?: Retry } = {},
): MessageDeliveryError {
  return new MessageDeliveryError(text, { publicMessage: text, cause, retry });
}
