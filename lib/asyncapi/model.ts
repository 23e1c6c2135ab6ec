import type { Authorization, ImaginedMessage, TokenHeader } from "../index.js";
import { channelId, freeName, shapeOf, variablesOf } from "./address.js";
import type { JsonSchema } from "./document.js";
import type { PayloadSource } from "./payload-schema.js";

/**
 * The frame that a message is: a SEND to the application (`send`) or to the broker (`publish`), a SUBSCRIBE, the MESSAGE
 * that a method answers one with, or any other MESSAGE.
 */
export type MessageKind = "send" | "publish" | "subscribe" | "answer" | "message";

/** A kind of message on a channel. */
export interface MessageModel {
  readonly channel: ChannelModel;
  /** Within the channel. */
  readonly key: string;
  readonly kind: MessageKind;
  readonly title: string;
  /** `undefined` where there is no payload. */
  readonly payload: PayloadSource | undefined;
  readonly headers: ReadonlyMap<string, { readonly schema: JsonSchema; readonly required: boolean }>;
}

/** A destination, with what is said under it. */
export interface ChannelModel {
  readonly id: string;
  readonly destination: string;
  /** Sentences about each variable. */
  readonly variables: Map<string, Set<string>>;
  readonly messages: Map<string, MessageModel>;
}

/** A message that clients send, or a subscription that is answered. */
export interface ReceiveModel {
  readonly id: string;
  readonly command: "SEND" | "SUBSCRIBE";
  readonly message: MessageModel;
  readonly summary: string;
  /** `Class.method`, if it is a controller's. */
  readonly method: string | undefined;
  readonly authorize: Authorization | undefined;
  /** Messages that come back, where clients subscribe to them. */
  readonly replies: readonly MessageModel[];
  readonly errors: readonly MessageModel[];
  readonly tokens: readonly TokenHeader[];
  readonly notes: readonly string[];
}

/** A channel that clients subscribe to. */
export interface SendModel {
  readonly channel: ChannelModel;
  readonly messages: Set<MessageModel>;
  /** Methods whose replies are sent there; others are sent by the application. */
  readonly methods: Set<string>;
  readonly notes: Set<string>;
}

/** The message of a client that an operation needs: what the rules are asked about. */
export function askedFor(operation: ReceiveModel | SendModel): ImaginedMessage {
  if ("message" in operation) {
    const { command, message } = operation;
    return { type: command === "SEND" ? "MESSAGE" : "SUBSCRIBE", destination: message.channel.destination };
  }
  return { type: "SUBSCRIBE", destination: operation.channel.destination };
}

type NewMessage = Pick<MessageModel, "kind" | "title" | "payload"> & Partial<Pick<MessageModel, "headers">>;

/** The channels and operations that a document is made of. */
export class Model {
  readonly #channels = new Map<string, ChannelModel>();
  readonly receives: ReceiveModel[] = [];
  readonly sends = new Map<ChannelModel, SendModel>();

  get channels(): readonly ChannelModel[] {
    return [...this.#channels.values()];
  }

  /** The channel of a destination; the first that names its variables names them for all. */
  channel(destination: string): ChannelModel {
    const shape = shapeOf(destination);
    const known = this.#channels.get(shape);
    const ids = new Set(this.channels.map(({ id }) => id));
    const channel = known ?? {
      id: freeName(channelId(destination), (id) => ids.has(id)),
      destination,
      variables: new Map(variablesOf(destination).map(({ name }) => [name, new Set<string>()])),
      messages: new Map(),
    };
    this.#channels.set(shape, channel);
    for (const [index, { regex }] of variablesOf(destination).entries()) {
      if (regex !== undefined) [...channel.variables.values()][index]?.add(`Fits ${regex}`);
    }
    return channel;
  }

  /** The channel's message of a key, or another one beside it if its payload is another. */
  message(
    channel: ChannelModel,
    key: string,
    { kind, title, payload, headers = new Map() }: NewMessage,
  ): MessageModel {
    const same = (other: MessageModel) =>
      other.title === title &&
      other.payload?.schema === payload?.schema &&
      other.payload?.type === payload?.type &&
      other.payload?.json === payload?.json &&
      JSON.stringify([...other.headers]) === JSON.stringify([...headers]);
    const free = freeName(key, (each) => {
      const other = channel.messages.get(each);
      return other !== undefined && !same(other);
    });
    const message = channel.messages.get(free) ?? { channel, key: free, kind, title, payload, headers };
    channel.messages.set(free, message);
    return message;
  }

  receive(operation: ReceiveModel): void {
    const ids = new Set(this.receives.map(({ id }) => id));
    this.receives.push({ ...operation, id: freeName(operation.id, (id) => ids.has(id)) });
  }

  /** Notes that a message is heard by those who subscribe to its channel. */
  send(message: MessageModel, { method, note }: { method?: string | undefined; note?: string } = {}): void {
    const { channel } = message;
    const send = this.sends.get(channel) ?? {
      channel,
      messages: new Set(),
      methods: new Set(),
      notes: new Set(),
    };
    this.sends.set(channel, send);
    send.messages.add(message);
    if (method !== undefined) send.methods.add(method);
    if (note !== undefined) send.notes.add(note);
  }
}
