import { MessageHandlingError } from "express-stomp";

/** A message is for somebody who is no member. */
export class UnknownMemberError extends MessageHandlingError {
  constructor() {
    const text = "There is no member of this name.";
    super(text, { publicMessage: text });
  }
}
