import type { Clock } from "../clock/clock.js";
import type { Message } from "../message/message.js";

/** A channel as an interceptor is given it; as Spring's interface of that name. */
export interface MessageChannel {
  /** `clientInboundChannel`, `clientOutboundChannel` or `brokerChannel`. */
  readonly name: string;
  /** The clock for an interceptor that waits: with the option `clock` a test decides when the time is over. */
  readonly clock: Clock;
  /** Sends another message, as `SubscribableChannel.send`. */
  send(message: Message): boolean | Promise<boolean>;
}
