import { refusal } from "../../errors.js";
import type { MessageHeaders } from "../../message/message.js";
import { NativeHeaders } from "../../message/native-headers.js";

/** The fate of a header on its way to the broker. */
type Verdict =
  /** It passes, over anybody's connection. */
  | "passes"
  /** The broker acts on it, and may end the connection over it: it passes over the client's own. */
  | "own"
  /** Others depend on what it decides: the frame is refused, unless the application vouches for its clients. */
  | "refused"
  /** The same, but that only the header is taken off. */
  | "dropped"
  /** It is taken off in any case: we say it ourselves, or only a broker does. */
  | "ours";

/** A verdict, or how the header's value decides it. */
type Judgement = Verdict | ((value: string) => Verdict);

/** How a broker reads the headers of one command. */
interface Rules {
  readonly named: ReadonlyMap<string, Judgement>;
  /** The first that a name begins with. */
  readonly beginnings: readonly (readonly [beginning: string, verdict: Verdict])[];
  readonly others: Verdict;
}

export type JudgedCommand = "CONNECT" | "SEND" | "SUBSCRIBE" | "UNSUBSCRIBE" | "OTHER";

/** A client's headers, as far as they are for the broker. */
export interface JudgedHeaders {
  readonly native: NativeHeaders;
  /** Whether they are as good over a connection that the client shares. */
  readonly areShareable: boolean;
}

/**
 * RabbitMQ, or Artemis (`…-type`), declares a queue by these headers of
 * SUBSCRIBE and SEND: the first frame to a queue decides for ever how it is, and
 * a frame that says otherwise, or nothing, is refused.
 */
const DECLARING = [
  ...["durable", "exclusive", "auto-delete", "destination-type", "subscription-type"],
  ...["x-expires", "x-message-ttl", "x-overflow", "x-single-active-consumer", "x-delivery-limit"],
];

/** The same: arguments of queues come in families. Some name where messages go. */
const DECLARING_FAMILIES = ["x-queue-", "x-dead-letter-", "x-max-", "x-stream-", "x-quorum-", "x-ha-"];

/** Names under which a subscription of ActiveMQ or Artemis outlives its client; anybody may say them. */
const DURABLE_NAMES = [
  "activemq.subscriptionname",
  "activemq.subcriptionname",
  "durable-subscription-name",
  "durable-subscriber-name",
];

/** Only a broker says these of a message: a subscriber would believe the client, and acknowledge what is not there. */
const OF_MESSAGE = ["subscription", "message-id", "ack", "redelivered", "browser", "transformation-error"];

/** The queue is the connection's own, and goes with it. */
const OWN_QUEUE = /^\/temp-(queue|topic)\//;

/** RabbitMQ cannot put longer values into an AMQP property, ActiveMQ reads no longer lines, and neither takes very many. */
const SHORT = 255;
const FEW = 100;

const POLICY: Readonly<Record<JudgedCommand, Rules>> = {
  // Tokens and other credentials of the application are not for the broker.
  CONNECT: rules({ dropped: ["client-id"], others: "ours" }),
  SEND: rules({
    ours: ["receipt", "destination", "content-type", "content-length", ...OF_MESSAGE],
    own: [
      ...["transaction", "correlation-id", "expiration", "expires", "priority", "timestamp", "type"],
      ...["user-id", "app-id", "cluster-id", "content-encoding", "amq-msg-type"],
      // Of Artemis' own words these concern nothing but the message.
      ...["_amq_dupl_id", "_amq_group_id", "_amq_sched_delivery"],
    ],
    refused: [
      ...DECLARING,
      ...["cc", "bcc"],
      // ActiveMQ converts the message by it when it delivers it, to others.
      "transformation",
      // One message becomes many, for ever; or ends what others have scheduled.
      ...["amq_scheduled_period", "amq_scheduled_repeat", "amq_scheduled_cron", "amq_scheduler_action"],
    ],
    special: {
      // RabbitMQ declares a queue by any other value too, and means what it means without.
      persistent: (value) => (value === "true" ? "passes" : value.trim() === "true" ? "own" : "ours"),
      "reply-to": (value) => (OWN_QUEUE.test(value) ? "own" : "refused"),
    },
    beginnings: [
      ...DECLARING_FAMILIES.map((family) => [family, "refused"] as const),
      ["_amq", "refused"],
      ...["x-", "amq", "jms", "activemq"].map((family) => [family, "own"] as const),
    ],
    others: "passes",
  }),
  SUBSCRIBE: rules({
    ours: ["receipt", "destination", "id", "content-length"],
    // The brokers know nothing of `since`, and whoever reads it there means the subscription alone.
    passes: ["ack", "since"],
    own: [
      ...["x-stream-offset", "x-stream-filter", "x-stream-match-unfiltered"],
      ...["activemq.prefetchsize", "activemq.maximumpendingmessagelimit", "activemq.dispatchasync"],
      ...["activemq.nolocal", "activemq.retroactive", "activemq.selector"],
    ],
    // With a priority, or the exclusive right to a queue, the first client would have all.
    refused: [...DECLARING, ...DURABLE_NAMES, "x-priority"],
    special: { persistent: (value) => (value.trim() === "true" ? "refused" : "ours") },
    beginnings: [...DECLARING_FAMILIES, "activemq.", "_amq"].map((family) => [family, "refused"] as const),
    others: "own",
  }),
  UNSUBSCRIBE: rules({
    // Of what is ended the SUBSCRIBE has told.
    ours: ["receipt", "id", "destination", "x-queue-name", "content-length"],
    // RabbitMQ deletes the durable queue of that id, whosever it is.
    dropped: ["durable", "persistent"],
    refused: DURABLE_NAMES,
    others: "own",
  }),
  OTHER: rules({ ours: ["receipt", "content-length"], others: "own" }),
};

/**
 * Judges the headers of a client's frame.
 *
 * @param vouches whether the application lets clients name and declare what others use (`passQueueHeaders`)
 * @throws MessageDeliveryError that names the header for which the frame is refused
 */
export function judgeHeaders(command: JudgedCommand, native: NativeHeaders, vouches: boolean): JudgedHeaders {
  const policy = POLICY[command];
  const passed: (readonly [string, string])[] = [];
  let areShareable = native.size <= FEW;
  for (const header of native) {
    const [name, value] = header;
    const verdict = verdictOn(policy, plain(name), value);
    if (verdict === "ours" || (verdict === "dropped" && !vouches)) continue;
    if (verdict === "refused" && !vouches) {
      const text = `The header ${plain(name)} decides about what others use at the broker`;
      throw refusal(`${text}: only passQueueHeaders lets it pass`);
    }
    passed.push(header);
    areShareable &&= verdict === "passes" && isPlain(name, value);
  }
  return { native: passed.length === native.size ? native : NativeHeaders.of(passed), areShareable };
}

/** Gives the values of headers that name a durable subscription. */
export function durableNames(native: NativeHeaders): string[] {
  return [...native].filter(([name]) => DURABLE_NAMES.includes(plain(name))).map(([, value]) => value);
}

/**
 * Whether many clients can hear by one subscription: of a topic, where each
 * gets each message, and without ACK.
 */
export function isShareableSubscribe({ destination = "", native }: MessageHeaders): boolean {
  return isTopic(destination) && (native.get("ack") ?? "auto") === "auto";
}

/**
 * Whether a SEND is as good over anybody's connection. To a queue it is not:
 * one that is full may reject what it took before, and RabbitMQ closes the
 * connection over that, without a word.
 */
export function isShareableSend({ destination = "", contentType = "" }: MessageHeaders): boolean {
  return isTopic(destination) && isPlain("", contentType);
}

/** ActiveMQ reads lists and options in the name: a queue may be among them. */
function isTopic(destination: string): boolean {
  return /^\/(topic|exchange)\//.test(destination) && !/[,?]|:\/\//.test(destination);
}

function verdictOn({ named, beginnings, others }: Rules, name: string, value: string): Verdict {
  const judgement = named.get(name);
  if (typeof judgement === "function") return judgement(value);
  return judgement ?? beginnings.find(([beginning]) => name.startsWith(beginning))?.[1] ?? others;
}

/** Whether no broker has trouble with a header, whatever it does with it. */
function isPlain(name: string, value: string): boolean {
  return name.length <= SHORT && Buffer.byteLength(value) <= SHORT && /^[!-~]*$/.test(name);
}

/** Brokers trim in STOMP 1.0, for Java every character up to the blank is one, and setters are found by any case. */
function plain(name: string): string {
  return /^[!-~]*$/.test(name)
    ? name.toLowerCase()
    : name.replace(/^[\s\0-\x20]+|[\s\0-\x20]+$/g, "").toLowerCase();
}

function rules({
  special = {},
  beginnings = [],
  others,
  ...lists
}: {
  readonly special?: Readonly<Record<string, Judgement>>;
  readonly beginnings?: Rules["beginnings"];
  readonly others: Verdict;
} & { readonly [V in Verdict]?: readonly string[] }): Rules {
  const named = new Map<string, Judgement>(Object.entries(special));
  for (const [verdict, names] of Object.entries(lists)) {
    for (const name of names) named.set(name, verdict as Verdict);
  }
  return { named, beginnings, others };
}
