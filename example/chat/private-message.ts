import { MessageHandlingError } from "express-stomp";

/** A message of one member to another, in all pages of both. Not kept. */
export interface PrivateMessage {
  readonly kind: "private";
  /** Of its writer: a page that has seen it has it, though it be sent again. */
  readonly id: string;
  readonly writer: string;
  readonly recipient: string;
  readonly message: string;
  /** Milliseconds since 1970. */
  readonly sentAt: number;
}

/** The refusal that a member is told at `/user/queue/errors`. Pages put it into words, in their language. */
export type Notice = RefusalNotice | { readonly problem: "ended"; readonly reason: string };

export interface RefusalNotice {
  /** `absent`: nobody of this name is connected. `refused`: for the reason given. */
  readonly problem: "absent" | "refused";
  readonly reason: string;
  /** The member whom it was about; empty when the client did not say. */
  readonly name: string;
  /** Of the frame that is answered. */
  readonly receipt: string | undefined;
}

/** Somebody is not connected: never was a member, or is not there now. */
export class AbsentError extends MessageHandlingError {
  constructor() {
    const text = "Nobody of this name is connected.";
    super(text, { publicMessage: text });
  }
}
