import type { Principal } from "../message/message.js";

/** A frame that is beyond a rate limit. */
export interface Excess {
  readonly limit: string;
  readonly beyond: "ignore" | "refuse" | "wait" | "end";
  /** Ms until it would be within. */
  readonly delay: number;
  readonly text: string;
  /** Whether it is to be told. */
  readonly isFirst: boolean;
}

/** How often clients may send, as sessions ask for it. */
export interface SessionRates {
  judge(frame: {
    readonly command: "SEND" | "SUBSCRIBE";
    readonly destination: string;
    readonly sessionId: string;
    readonly user: Principal | undefined;
    readonly address: string;
    readonly hurries: boolean;
  }): Excess | undefined;
  /** Tells a session that a frame of it was not handled. */
  tell(session: { readonly id: string; readonly user: Principal | undefined }, notice: ErrorNotice): void;
}

/** The body of the message that tells a client of a frame that was refused, while its session lives. */
export interface ErrorNotice {
  readonly destination: string | undefined;
  readonly message: string;
  /** Ms until the same may be better received. */
  readonly retry: number;
}
