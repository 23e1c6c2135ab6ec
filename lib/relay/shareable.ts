import type { Message } from "../message/message.js";

/** Destinations where each subscriber gets each message; elsewhere sharing would multiply what is for one. */
const TOPICS = ["/topic/", "/exchange/"];

/** Headers that make nothing of a SUBSCRIBE but the subscription itself. */
const OF_SUBSCRIBE = ["id", "destination", "ack", "receipt", "content-length"];

/**
 * Headers of SEND that brokers act on, and may refuse with the end of the
 * connection: RabbitMQ's and ActiveMQ's.
 */
const ACTED_ON = new Set([
  "transaction",
  "reply-to",
  "correlation-id",
  "expiration",
  "expires",
  "priority",
  "timestamp",
  "type",
  "user-id",
  "app-id",
  "cluster-id",
  "cc",
  "bcc",
]);
const ACTED_ON_PREFIXES = ["x-", "amqp", "amq", "jms", "_amq", "activemq"];

/** Whether many clients can hear by one subscription: of a topic, without ACK and without anything special. */
export function isShareableSubscribe({ headers: { destination = "", native } }: Message): boolean {
  if (!TOPICS.some((prefix) => destination.startsWith(prefix))) return false;
  // ActiveMQ reads lists and options in the name: a queue may be among them.
  if (/[,?]|:\/\//.test(destination)) return false;
  return (native.get("ack") ?? "auto") === "auto" && native.without(...OF_SUBSCRIBE).size === 0;
}

/** Whether a SEND is as good over anybody's connection. */
export function isShareableSend({ headers: { native } }: Message): boolean {
  for (const [name] of native) {
    const lower = name.toLowerCase();
    if (ACTED_ON.has(lower) || ACTED_ON_PREFIXES.some((prefix) => lower.startsWith(prefix))) return false;
  }
  return true;
}
