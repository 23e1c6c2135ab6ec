import { refusal } from "../broker/refusal.js";
import type { Message } from "../message/message.js";

/** By these RabbitMQ reads a queue, or fills one, that the destination does not tell of. */
const NAMES = new Set(["x-queue-name", "x-dead-letter-exchange", "x-dead-letter-routing-key"]);

/** Where only the connection hears that asked for it. */
const OWN = ["/temp-queue/", "/temp-topic/"];

/** Headers that name a durable subscription of ActiveMQ, or Artemis; there UNSUBSCRIBE with one deletes it. */
const DURABLE = new Set([
  "activemq.subscriptionname",
  "activemq.subcriptionname",
  "durable-subscription-name",
  "durable-subscriber-name",
]);

/** Refuses a SEND or SUBSCRIBE whose headers name a queue: rules about destinations do not see it. */
export function refuseQueueHeaders({ headers }: Message): void {
  for (const [name, value] of headers.native) {
    const known = plain(name);
    const isNaming =
      known === "reply-to" ? !OWN.some((prefix) => value.startsWith(prefix)) : NAMES.has(known);
    if (isNaming) {
      throw refusal(`The header ${known} may name anybody's queue: only passQueueHeaders lets it pass`);
    }
  }
}

/** Gives the values of a message's headers that name a durable subscription. */
export function durableNames({ headers }: Message): string[] {
  return [...headers.native].filter(([name]) => DURABLE.has(plain(name))).map(([, value]) => value);
}

/** Brokers trim in STOMP 1.0. */
function plain(name: string): string {
  return name.trim().toLowerCase();
}
