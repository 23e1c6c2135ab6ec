import type { BrokerConnection, PageSubscription } from "./broker-connection.js";
import type { StompFrame } from "./frame.js";

/** Headers of a frame. */
export type FrameHeaders = Readonly<Record<string, string>>;

interface Publication {
  readonly id: string;
  readonly destination: string;
  readonly headers: FrameHeaders;
  readonly body: Uint8Array;
}

/** So many publications are kept for pages that subscribe with `since`. */
const KEPT = 1_000;

/** The messages of a `TestBroker` on their way to pages: published, acknowledged, delivered again, and missed. */
export class Deliveries {
  /** Whether a SUBSCRIBE with `since` is given what its page has missed. */
  recovers = true;
  readonly #connections: ReadonlySet<BrokerConnection>;
  readonly #published: Publication[] = [];
  #count = 0;

  constructor(connections: ReadonlySet<BrokerConnection>) {
    this.#connections = connections;
  }

  /** Sends to all subscribers of a destination. @returns how many that were */
  publish(destination: string, body: Uint8Array, headers: FrameHeaders): number {
    const publication = { id: `message-${++this.#count}`, destination, headers, body };
    this.#published.push(publication);
    if (this.#published.length > KEPT) this.#published.shift();
    const subscribers = this.subscribers(destination);
    for (const [connection, subscription] of subscribers) {
      this.#deliver(connection, headersOf(publication, subscription), body);
    }
    return subscribers.length;
  }

  subscribers(destination: string): (readonly [BrokerConnection, PageSubscription])[] {
    return [...this.#connections].flatMap((connection) =>
      [...connection.subscriptions.values()]
        .filter((subscription) => subscription.destination === destination)
        .map((subscription) => [connection, subscription] as const),
    );
  }

  /** Takes what a page acknowledges, with `ack:client` all before it on its subscription, too. */
  acknowledge(headers: FrameHeaders, { unacknowledged, subscriptions }: BrokerConnection): StompFrame[] {
    const id = headers.id ?? headers["message-id"] ?? "";
    const settled = unacknowledged.get(id);
    if (!settled) return [];
    const { subscription = "" } = settled.headers;
    const isCumulative = subscriptions.get(subscription)?.ack === "client";
    const taken: StompFrame[] = [];
    for (const [each, frame] of unacknowledged) {
      if (each !== id && !(isCumulative && frame.headers.subscription === subscription)) continue;
      unacknowledged.delete(each);
      taken.push(frame);
      if (each === id) break;
    }
    return taken;
  }

  /** Delivers once more what a page has refused by NACK. */
  refuse(headers: FrameHeaders, connection: BrokerConnection): void {
    for (const { headers: again, body } of this.acknowledge(headers, connection)) {
      this.#deliver(connection, { ...again, redelivered: "true" }, body);
    }
  }

  /** Sends all that pages have not acknowledged once more. @returns how many that were */
  redeliver(): number {
    let count = 0;
    for (const connection of this.#connections) {
      for (const { headers, body } of [...connection.unacknowledged.values()]) {
        connection.send("MESSAGE", { ...headers, redelivered: "true" }, body);
        count++;
      }
    }
    return count;
  }

  /** Answers a SUBSCRIBE with `since`: first whether nothing was missed, then what was. */
  replay(since: string, connection: BrokerConnection, subscription: string, destination: string): void {
    const kept = this.#published.filter((each) => each.destination === destination);
    const at = since === "first" ? -1 : kept.findIndex(({ id }) => id === since);
    const isKnown = since === "first" || at >= 0;
    const recovered = this.recovers && isKnown && since !== "now";
    const missed = recovered ? kept.slice(at + 1) : [];
    const position = recovered && since !== "first" ? since : (kept.at(-1)?.id ?? "message-0");
    const marker = { subscription, destination, "message-id": position };
    connection.send("MESSAGE", { ...marker, recovered: String(recovered), replayed: String(missed.length) });
    for (const each of missed) {
      this.#deliver(connection, { ...headersOf(each, { id: subscription }), replayed: "true" }, each.body);
    }
  }

  #deliver(connection: BrokerConnection, headers: FrameHeaders, body: Uint8Array): void {
    const subscription = connection.subscriptions.get(headers.subscription ?? "");
    if (!subscription) return;
    const isAcknowledged = subscription.ack !== "auto";
    const ackId = `ack-${++this.#count}`;
    const all = isAcknowledged && connection.version === "1.2" ? { ...headers, ack: ackId } : headers;
    if (isAcknowledged) {
      const id = connection.version === "1.2" ? ackId : (headers["message-id"] ?? "");
      connection.unacknowledged.set(id, { command: "MESSAGE", headers: all, body });
    }
    connection.send("MESSAGE", all, body);
  }
}

function headersOf(
  { id, destination, headers }: Publication,
  subscription: Pick<PageSubscription, "id">,
): FrameHeaders {
  return { ...headers, subscription: subscription.id, "message-id": id, destination };
}
