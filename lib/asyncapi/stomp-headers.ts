import type { DeliveryDescription, MessagingDescription } from "../index.js";
import type { AsyncApiDocument, JsonSchema, Reference } from "./document.js";
import type { MessageKind } from "./model.js";

const text = (description: string): JsonSchema => ({ type: "string", description });

const RECEIPT = {
  receipt: text("Is answered with a RECEIPT that has it as receipt-id, once the frame has been processed."),
};

/** Headers of messages, by what they have to do with. */
const MESSAGE_HEADERS = {
  send: RECEIPT,
  sendOnce: {
    "dedup-id": text(
      "A SEND that comes again with it, of the same user within five minutes, is not handled again.",
    ),
  },
  sendInTransaction: { transaction: text("The transaction of BEGIN that it is part of: COMMIT sends it.") },
  subscribe: { id: text("The subscription, as the client calls it."), ...RECEIPT },
  message: {
    subscription: text("The id that the client has subscribed with."),
    "message-id": text("The broker's id of the message."),
  },
  acknowledged: {
    ack: text(
      "What ACK and NACK have as id, if the subscription acknowledges; before STOMP 1.2 they name message-id.",
    ),
  },
  queued: { redelivered: { const: "true", description: "Somebody had it, and gave it back." } },
  replayed: {
    recovered: {
      enum: ["true", "false"],
      description:
        "In the empty MESSAGE that answers since: whether all that was missed follows; else the client has to load anew.",
    },
    replayed: text("In that MESSAGE how many messages follow that were missed; in these, true."),
  },
} satisfies Record<string, Readonly<Record<string, JsonSchema>>>;

type MessageTrait = keyof typeof MESSAGE_HEADERS;

/** Headers without which a frame is refused. */
const REQUIRED: ReadonlySet<string> = new Set(["id"]);

const ACK = {
  ack: {
    enum: ["auto", "client", "client-individual"],
    default: "auto",
    description: "Whether the client acknowledges: client is all that came before, too.",
  },
};
const SINCE = {
  since: text(
    "The message-id of the last message that the client has, now or first: what came behind it is sent again.",
  ),
};

/**
 * The headers of STOMP and of this library, as traits: each set is said once, and named by the messages and operations
 * that have them.
 */
export class StompHeaders {
  readonly #description: MessagingDescription;
  readonly #messages = new Map<string, object>();
  readonly #operations = new Map<string, object>();

  constructor(description: MessagingDescription) {
    this.#description = description;
  }

  /** The traits that were named so far. */
  get components(): Pick<AsyncApiDocument["components"], "messageTraits" | "operationTraits"> {
    return {
      ...(this.#messages.size > 0 && { messageTraits: Object.fromEntries(this.#messages) }),
      ...(this.#operations.size > 0 && { operationTraits: Object.fromEntries(this.#operations) }),
    };
  }

  /** Of a frame that clients send or hear. */
  ofMessage(kind: MessageKind, destination: string): Reference[] {
    return this.#traitsOf(kind, destination).map((name) => {
      this.#messages.set(name, { headers: headersOf(MESSAGE_HEADERS[name]) });
      return { $ref: `#/components/messageTraits/${name}` };
    });
  }

  /** Of the SUBSCRIBE by which clients hear what is sent to a destination. */
  ofSubscribing(destination: string): Reference[] {
    const delivery = this.#description.deliveryOf(destination);
    const name = (trait: string, headers: Readonly<Record<string, JsonSchema>>) => {
      this.#operations.set(trait, { "x-subscribe-headers": headersOf(headers) });
      return { $ref: `#/components/operationTraits/${trait}` };
    };
    const subscribe = name("subscribe", { ...MESSAGE_HEADERS.subscribe, ...ACK, ...choiceOf(delivery) });
    return delivery?.history ? [subscribe, name("subscribeSince", SINCE)] : [subscribe];
  }

  #traitsOf(kind: MessageKind, destination: string): MessageTrait[] {
    const once: MessageTrait[] = this.#description.deduplicates ? ["sendOnce"] : [];
    switch (kind) {
      case "send":
        return ["send", ...once];
      case "publish":
        return ["send", ...once, "sendInTransaction"];
      case "subscribe":
        return ["subscribe"];
      case "answer":
        return ["message"];
      case "message": {
        const delivery = this.#description.deliveryOf(destination);
        return [
          "message",
          "acknowledged",
          ...(delivery?.isQueue ? ["queued" as const] : []),
          ...(delivery?.history ? ["replayed" as const] : []),
        ];
      }
    }
  }
}

/** Of the simple broker alone: one that runs elsewhere has words of its own. */
function choiceOf(delivery: DeliveryDescription | undefined): Readonly<Record<string, JsonSchema>> {
  if (!delivery) return {};
  const { selectorHeaderName } = delivery;
  return {
    "prefetch-count": text("How many messages may be unacknowledged; 0 is no limit."),
    ...(selectorHeaderName !== undefined && {
      [selectorHeaderName]: text(
        "A condition on headers in SQL-92, as in JMS: other messages are not delivered.",
      ),
    }),
  };
}

function headersOf(properties: Readonly<Record<string, JsonSchema>>): JsonSchema {
  const required = Object.keys(properties).filter((name) => REQUIRED.has(name));
  return { type: "object", properties, ...(required.length > 0 && { required }) };
}

/** The facts of a destination that AsyncAPI has no word for: sentences, and extensions of its channel. */
export function factsOf(delivery: DeliveryDescription | undefined): {
  readonly sentences: readonly string[];
  readonly extensions: { readonly [Name in `x-${string}`]?: unknown };
} {
  if (!delivery) return { sentences: [], extensions: {} };
  const { isQueue, isRetained, history, conflatedEvery } = delivery;
  return {
    sentences: [
      ...(isQueue ? ["A queue: each message goes to one of those who have subscribed."] : []),
      ...(isRetained ? ["A new subscriber is given the newest message at once."] : []),
      ...(history
        ? [
            `The last ${history.size} messages, of ${history.ttl} ms at the most, are kept for clients that come back and SUBSCRIBE with since.`,
          ]
        : []),
      ...(conflatedEvery === undefined ? [] : [`Every ${conflatedEvery} ms the newest message goes out.`]),
    ],
    extensions: {
      ...(isQueue && { "x-queue": true }),
      ...(isRetained && { "x-retained": true }),
      ...(history && { "x-history": history }),
      ...(conflatedEvery !== undefined && { "x-conflated-every": conflatedEvery }),
    },
  };
}
