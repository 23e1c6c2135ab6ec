import type { MessageHeaders } from "../message/message.js";
import type { BrokerStats } from "../observe/stats.js";
import type { Broker, BrokerContext } from "./broker.js";
import { SimpleBroker } from "./simple-broker.js";
import { checkSimpleBrokerOptions, type SimpleBrokerOptions } from "./simple-broker-options.js";

/** A broker beside another: for what is private to a session, wherever all else goes. */
export interface PrivateBroker extends Broker {
  readonly stats: BrokerStats;
  /** Whether an ACK or NACK names a delivery of this broker's, be it over already. */
  delivered(headers: MessageHeaders): boolean;
}

/** Makes a broker for messages and subscriptions with `privateTo`. It announces nothing of itself. */
export function privateBroker(
  options: Pick<SimpleBrokerOptions, "heartbeatValue" | "subscriptionLimit">,
  context: BrokerContext,
): PrivateBroker {
  return new SimpleBroker(checkSimpleBrokerOptions(options), context, { ackIdPrefix: "private-" });
}
