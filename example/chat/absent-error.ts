import { MessageHandlingError } from "express-stomp";

/** Somebody is not connected: never was a member, or is not there now. */
export class AbsentError extends MessageHandlingError {
  constructor() {
    const text = "Nobody of this name is connected.";
    super(text, { publicMessage: text });
  }
}
