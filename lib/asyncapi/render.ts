import type { MessagingDescription } from "../index.js";
import { Access } from "./access.js";
import { addressOf, freeName, hasWildcards, typeName } from "./address.js";
import type {
  AsyncApiChannel,
  AsyncApiDocument,
  AsyncApiMessage,
  AsyncApiOperation,
  JsonSchema,
  Reference,
} from "./document.js";
import { type ChannelModel, type MessageModel, type ReceiveModel, type SendModel } from "./model.js";
import type { AsyncApiInfo } from "./options.js";
import { Schemas } from "./schemas.js";
import type { Selection } from "./selection.js";
import { serversOf } from "./servers.js";
import { factsOf, StompHeaders } from "./stomp-headers.js";

export interface Rendered {
  readonly document: AsyncApiDocument;
  /** Sentences about what the document cannot say. */
  readonly warnings: readonly string[];
}

/** Writes a document with the operations of a selection, and what they need. */
export function render(
  selection: Selection,
  description: MessagingDescription,
  info: AsyncApiInfo,
): Rendered {
  return new Renderer(selection, description, info).rendered;
}

class Renderer {
  readonly #selection: Selection;
  readonly #description: MessagingDescription;
  readonly #info: AsyncApiInfo;
  readonly #schemas: Schemas;
  /** The places of each thing that is missing. */
  readonly #lacks = new Map<string, Set<string>>();
  readonly #channels = new Map<ChannelModel, Map<string, AsyncApiMessage>>();
  readonly #access: Access;
  readonly #stompHeaders: StompHeaders;

  constructor(selection: Selection, description: MessagingDescription, info: AsyncApiInfo) {
    this.#selection = selection;
    this.#description = description;
    this.#info = info;
    this.#access = new Access(selection, description, info);
    this.#stompHeaders = new StompHeaders(description);
    this.#schemas = new Schemas(info.toStandardJsonSchema);
  }

  get rendered(): Rendered {
    const { host, mountPath, messages, securitySchemes, toStandardJsonSchema, ...info } = this.#info;
    const { receives, sends } = this.#selection;
    if (host === undefined) this.#lack("No host is named, and localhost stands in", "host");
    const operations = Object.fromEntries([
      ...receives.map((receive) => [receive.id, this.#receive(receive)] as const),
      ...this.#sendsWithIds(receives, sends),
    ]);
    const channels = Object.fromEntries(
      [...this.#channels].map(([channel, found]) => [channel.id, this.#channel(channel, found)]),
    );
    const { components: schemas } = this.#schemas;
    const document: AsyncApiDocument = {
      asyncapi: "3.1.0",
      info,
      defaultContentType: "application/json",
      servers: serversOf(this.#description, {
        host: host ?? "localhost",
        mountPath,
        security: this.#access.security,
      }),
      channels,
      operations,
      components: {
        ...(Object.keys(schemas).length > 0 && { schemas }),
        ...(this.#access.security.length > 0 && { securitySchemes: this.#access.schemes }),
        ...this.#stompHeaders.components,
      },
      ...(this.#access.rules.size > 0 && { "x-rules": Object.fromEntries(this.#access.rules) }),
      ...(this.#access.rateLimits.size > 0 && {
        "x-rate-limits": Object.fromEntries(this.#access.rateLimits),
      }),
    };
    const warnings = [...this.#lacks].map(([lack, places]) => `${lack}: ${[...places].join(", ")}`);
    return { document, warnings };
  }

  #lack(lack: string, place: string): void {
    this.#lacks.set(lack, (this.#lacks.get(lack) ?? new Set()).add(place));
  }

  #receive(receive: ReceiveModel): AsyncApiOperation {
    const { command, message, summary, method, replies, errors, tokens, notes } = receive;
    const [reply, ...others] = this.#heard(replies);
    const failures = this.#heard(errors);
    return {
      action: "receive",
      channel: channelReference(message.channel),
      messages: [this.#message(message)],
      summary,
      ...(notes.length > 0 && { description: notes.join(" ") }),
      ...(reply && this.#reply(reply, others)),
      ...this.#access.of(receive),
      "x-stomp-command": command,
      ...(method !== undefined && { "x-method": method }),
      ...(failures.length > 0 && { "x-errors": failures.map((each) => this.#message(each)) }),
      ...(tokens.length > 0 && { "x-token-headers": tokens }),
    };
  }

  /** One channel has room in `reply`: others stand beside. */
  #reply(first: MessageModel, others: readonly MessageModel[]): Partial<AsyncApiOperation> {
    const together = others.filter(({ channel }) => channel === first.channel);
    const elsewhere = others.filter(({ channel }) => channel !== first.channel);
    return {
      reply: {
        channel: channelReference(first.channel),
        messages: [first, ...together].map((each) => this.#message(each)),
      },
      ...(elsewhere.length > 0 && { "x-replies": elsewhere.map((each) => this.#message(each)) }),
    };
  }

  /** Without those of channels that the document's reader may not subscribe to. */
  #heard(messages: readonly MessageModel[]): MessageModel[] {
    const { sends, receives } = this.#selection;
    const channels = new Set([
      ...sends.map(({ channel }) => channel),
      ...receives.filter(({ command }) => command === "SUBSCRIBE").map(({ message }) => message.channel),
    ]);
    return messages.filter(({ channel }) => channels.has(channel));
  }

  #sendsWithIds(
    receives: readonly ReceiveModel[],
    sends: readonly SendModel[],
  ): [string, AsyncApiOperation][] {
    const ids = new Set(receives.map(({ id }) => id));
    return sends.map((send) => {
      const id = freeName(`send.${send.channel.id}`, (each) => ids.has(each));
      ids.add(id);
      return [id, this.#send(send)];
    });
  }

  #send(send: SendModel): AsyncApiOperation {
    const { channel, messages, methods, notes } = send;
    return {
      action: "send",
      channel: channelReference(channel),
      messages: [...messages].map((message) => this.#message(message)),
      summary: `Sends to those who have subscribed to ${channel.destination}`,
      ...(notes.size > 0 && { description: [...notes].join(" ") }),
      traits: this.#stompHeaders.ofSubscribing(channel.destination),
      ...this.#access.of(send),
      "x-stomp-command": "MESSAGE",
      ...(methods.size > 0 && { "x-methods": [...methods] }),
    };
  }

  #message(message: MessageModel): Reference {
    const { channel, key } = message;
    const messages = this.#channels.get(channel) ?? new Map<string, AsyncApiMessage>();
    this.#channels.set(channel, messages);
    if (!messages.has(key)) messages.set(key, this.#rendered(message));
    return { $ref: `${channelReference(channel).$ref}/messages/${key}` };
  }

  #rendered({ channel, key, kind, title, payload, headers }: MessageModel): AsyncApiMessage {
    const name = `${channel.id}.${key}`;
    const required = [...headers].flatMap(([header, each]) => (each.required ? header : []));
    const properties = Object.fromEntries([...headers].map(([header, { schema }]) => [header, schema]));
    const common = {
      name,
      title,
      ...(headers.size > 0 && {
        headers: { type: "object", properties, ...(required.length > 0 && { required }) },
      }),
      traits: this.#stompHeaders.ofMessage(kind, channel.destination),
    };
    if (!payload) return { ...common, summary: "It has no payload." };

    const {
      payload: schema,
      lack,
      contentType,
    } = this.#schemas.place(payload, typeName(payload.name ?? name));
    if (lack !== undefined) this.#lack(lack, `${key} of ${channel.destination}`);
    return {
      ...common,
      ...(contentType !== undefined && { contentType }),
      ...(lack !== undefined && { summary: `${lack}.` }),
      payload: schema as JsonSchema,
    };
  }

  #channel(
    { destination, variables }: ChannelModel,
    messages: ReadonlyMap<string, AsyncApiMessage>,
  ): AsyncApiChannel {
    const isPattern = hasWildcards(destination);
    const parameters = Object.fromEntries(
      [...variables].map(([name, texts]) => [
        name,
        texts.size > 0 ? { description: `${[...texts].join(". ")}.` } : {},
      ]),
    );
    if (isPattern)
      this.#lack("AsyncAPI has no word for wildcards, and the address is as it was written", destination);
    const { sentences, extensions } = factsOf(this.#description.deliveryOf(destination));
    return {
      address: addressOf(destination),
      ...(sentences.length > 0 && { description: sentences.join(" ") }),
      ...(variables.size > 0 && { parameters }),
      ...(isPattern && { "x-pattern": true }),
      ...extensions,
      messages: Object.fromEntries(messages),
    };
  }
}

function channelReference({ id }: ChannelModel): Reference {
  return { $ref: `#/channels/${id}` };
}
