import { MessageDeliveryError } from "../errors.js";

/** An error whose text the client reads, since nobody else is to know better. */
export function refusal(text: string, cause?: unknown): MessageDeliveryError {
  return new MessageDeliveryError(text, { publicMessage: text, cause });
}
