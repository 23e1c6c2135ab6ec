import type { ChannelStats, MessagingStats } from "./stats.js";

/** A number of `messaging.stats()` as metrics name it. */
export interface Measure {
  /** With dots, as OpenTelemetry writes it behind `express_stomp.`: `frames.received`. */
  readonly name: string;
  /** A `counter` grows from the start on, a `gauge` is of this moment. */
  readonly kind: "counter" | "gauge";
  /** As UCUM writes units: `By` for bytes, `{frame}` for what is counted. */
  readonly unit: string;
  readonly description: string;
  /** The label by which the numbers are told apart, if there are several: a fixed set of values each. */
  readonly label?: string;
  /** Gives the number, or the numbers by the label's value; `undefined` where there is no such thing, as queues with the relay. */
  read(stats: MessagingStats): number | Readonly<Record<string, number>> | undefined;
}

const gauge = (
  name: string,
  unit: string,
  description: string,
  read: Measure["read"],
  label?: string,
): Measure => ({ name, kind: "gauge", unit, description, read, ...(label !== undefined && { label }) });

const counter = (
  name: string,
  unit: string,
  description: string,
  read: Measure["read"],
  label?: string,
): Measure => ({ name, kind: "counter", unit, description, read, ...(label !== undefined && { label }) });

/**
 * All that `messaging.stats()` tells, as metrics: what `express-stomp/prometheus` and `express-stomp/opentelemetry`
 * export, for an exporter of your own.
 *
 * @example
 * ```ts
 * for (const { name, read } of MEASURES) console.log(name, read(messaging.stats()));
 * ```
 */
export const MEASURES: readonly Measure[] = [
  gauge("connections", "{connection}", "Open connections", (s) => s.connectionsByTransport, "transport"),
  gauge("sessions", "{session}", "Sessions that are connected", (s) => s.sessions),
  counter("connections.opened", "{connection}", "Connections since the start", (s) => s.connectionsOpened),
  counter("sessions.ended", "{session}", "Connections that are over", (s) => s.sessionsEnded, "code"),
  counter("handshakes.refused", "{handshake}", "Handshakes refused", (s) => s.handshakesRefused, "reason"),
  counter("limits.exceeded", "{event}", "Limits that clients passed", (s) => s.limitsExceeded, "limit"),
  counter("frames.received", "{frame}", "Frames of clients", (s) => s.framesReceivedByCommand, "command"),
  counter("frames.sent", "{frame}", "Frames to clients", (s) => s.framesSentByCommand, "command"),
  gauge("frames.waiting", "{frame}", "Frames that wait for the one before them", (s) => s.framesWaiting),
  counter("received", "By", "Bytes of STOMP from clients", (s) => s.bytesReceived),
  counter("sent", "By", "Bytes of STOMP to clients", (s) => s.bytesSent),
  counter(
    "messages.dropped",
    "{message}",
    "Messages that were lost: taken back from slow clients, or given up by the broker",
    (s) => ({ client: s.messagesDropped, broker: s.messagesDroppedByBroker }),
    "by",
  ),
  counter("sends.repeated", "{frame}", "SENDs that were handled before", (s) => s.repeatedSends),
  counter("sends.forgotten", "{frame}", "Ids of SENDs forgotten before their time", (s) => s.forgottenSends),
  gauge("subscriptions", "{subscription}", "Open subscriptions at the broker", (s) => s.subscriptions),
  counter("publications", "{message}", "Messages that the broker was given", (s) => s.publications),
  counter("deliveries", "{message}", "Messages handed to subscriptions", (s) => s.deliveries),
  counter(
    "acknowledgements",
    "{message}",
    "Deliveries settled by ACK and NACK",
    ({ acknowledgements: { acknowledged, refused } }) => ({ ack: acknowledged, nack: refused }),
    "by",
  ),
  counter("redeliveries", "{message}", "Deliveries that came back to their queue", (s) => s.redeliveries),
  gauge("queues", "{queue}", "Queues in which messages wait", (s) => s.queues?.queues),
  gauge("queue.backlog", "{message}", "Messages that wait in queues", (s) => s.queues?.backlog),
  gauge("queue.size", "By", "Bytes that queues hold", (s) => s.queues?.bytes),
  gauge("queue.unacknowledged", "{message}", "Messages of queues in flight", (s) => s.queues?.unacknowledged),
  counter("controller.calls", "{call}", "Calls of controllers' methods", (s) => s.controllers.calls),
  counter("controller.failures", "{call}", "Calls that threw or rejected", (s) => s.controllers.failures),
  counter("controller.timeouts", "{call}", "Failures by handlerTimeout", (s) => s.controllers.timeouts),
  gauge("controller.working", "{call}", "Calls at work", (s) => s.controllers.working),
  gauge("detached.running", "{stream}", "Streams with @Detached that run", (s) => s.detached.running),
  counter(
    "detached.ended",
    "{stream}",
    "Streams with @Detached that are over",
    ({ detached: { ended, failed } }) => ({ end: ended, error: failed }),
    "how",
  ),
  gauge("channel.waiting", "{message}", "Messages that wait", (s) => eachChannel(s, "waiting"), "channel"),
  gauge(
    "channel.working",
    "{message}",
    "Messages with handlers",
    (s) => eachChannel(s, "working"),
    "channel",
  ),
  counter(
    "recoveries",
    "{subscription}",
    "Clients that came back: given all that they had missed, or to load anew",
    ({ recoveries: { recovered, refused } }) => ({ true: recovered, false: refused }),
    "recovered",
  ),
  gauge("relay.connections", "{connection}", "Connections to the broker", (s) => s.relay?.connections),
  counter("relay.lost", "{connection}", "Connections to the broker that were lost", (s) => s.relay?.lost),
  gauge("relay.receipts", "{receipt}", "Receipts that the broker owes", (s) => s.relay?.pendingReceipts),
  gauge("relay.waiting", "By", "Bytes that the broker does not read", (s) => s.relay?.waitingBytes),
  gauge("servers", "{server}", "Other servers that are heard", (s) => s.servers?.known),
  counter(
    "server.messages.missed",
    "{message}",
    "Messages of other servers that were lost",
    (s) => s.servers?.missed,
  ),
  counter("server.gaps", "{gap}", "Times that publications may be missing", (s) => s.servers && s.gaps),
];

function eachChannel({ channels }: MessagingStats, part: keyof ChannelStats): Record<string, number> {
  return Object.fromEntries(Object.entries(channels).map(([name, channel]) => [name, channel[part]]));
}
