import type { Clock } from "../clock/clock.js";
import type { Message } from "../message/message.js";

/** What carries messages, as Spring's interface of that name: an interceptor is told which one it looks at. */
export interface MessageChannel {
  /** `clientInboundChannel`, `clientOutboundChannel` or `brokerChannel`. */
  readonly name: string;
  /** What an interceptor that waits takes time from, so that a test decides when that is over. */
  readonly clock: Clock;
  /** Sends another message, as `SubscribableChannel.send`. */
  send(message: Message): boolean | Promise<boolean>;
}
