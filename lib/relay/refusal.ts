import { MessageDeliveryError } from "../errors.js";

/** An error whose text the client reads. */
export function refusal(text: string): MessageDeliveryError {
  return new MessageDeliveryError(text, { publicMessage: text });
}
