import {
  type MessagingDescription,
  type MethodDescription,
  type ReplyDescription,
  type StandardSchema,
} from "../index.js";
import { idOf, shapeOf } from "./address.js";
import { type SchemasByDestination, schemasOf } from "./known-schemas.js";
import { type ChannelModel, type MessageModel, Model } from "./model.js";
import type { AsyncApiInfo } from "./options.js";
import { type PayloadSource, textSchema } from "./payload-schema.js";

/** Makes the model of all that an application's description, its contract among it, and the info know. */
export function collect(description: MessagingDescription, info: AsyncApiInfo): Model {
  return new Collector(description, info).model;
}

class Collector {
  readonly model = new Model();
  readonly #description: MessagingDescription;
  readonly #heard: SchemasByDestination;
  readonly #answers: SchemasByDestination;

  constructor(description: MessagingDescription, info: AsyncApiInfo) {
    this.#description = description;
    const { heard, answers } = schemasOf(description, info);
    this.#heard = heard;
    this.#answers = answers;
    // The contract's names of variables are the document's.
    for (const destination of Object.keys(description.contract?.destinations ?? {})) {
      this.model.channel(destination);
    }
    for (const method of description.methods) this.#addMethod(method);
    this.#addBrokerSends();
    for (const own of description.ownSends) this.#addOwnSend(own);
    for (const own of description.ownMessages) {
      const channel = this.model.channel(this.#nameInContract(own.destination));
      // The contract may know more of it, such as the application's own part.
      const known = this.#heard.has(channel.destination) && this.#heard.get(channel.destination);
      const isKnown = known && "jsonSchema" in known["~standard"];
      const payload = isKnown ? { schema: known } : own.payload && { json: own.payload };
      const headers = new Map(
        Object.entries(own.messageHeaders ?? {}).map(([name, schema]) => [name, { schema, required: true }]),
      );
      const message = this.model.message(channel, "notice", {
        kind: "message",
        title: own.text,
        payload,
        headers,
      });
      this.model.send(message, { note: own.text });
    }
    // The template sends what neither methods nor the library does.
    for (const destination of this.#heard.unused) this.model.send(this.#heardMessage(destination));
    this.#addRuled();
  }

  /** The contract's variables stand for the wildcards of a pattern. */
  #nameInContract(destination: string): string {
    const names = Object.keys(this.#description.contract?.destinations ?? {});
    return names.find((name) => widened(name) === widened(destination)) ?? destination;
  }

  /** Destinations that nothing but the rules names: the template sends there, or clients do. */
  #addRuled(): void {
    const { security, brokerDestinationPrefixes, userDestinationPrefix } = this.#description;
    const known = new Set([...this.model.sends.keys()].map(({ destination }) => widened(destination)));
    const prefixes = [...brokerDestinationPrefixes, `${userDestinationPrefix}/`];
    for (const { types, patterns = [], authorization } of security?.rules ?? []) {
      if (!types.includes("SUBSCRIBE") || authorization.kind === "denyAll") continue;
      for (const pattern of patterns) {
        const isHeard = prefixes.some((prefix) => pattern.startsWith(prefix));
        // A rule about all destinations below names none.
        if (!isHeard || pattern.includes("**") || known.has(widened(pattern))) continue;
        known.add(widened(pattern));
        this.model.send(this.#heardMessage(pattern), { note: "The rules name it, and nothing else does." });
      }
    }
  }

  #addMethod(method: MethodDescription): void {
    const { name, type, mappings, variables } = method;
    for (const { destination, replies } of mappings) {
      const channel = this.model.channel(destination);
      for (const variable of variables) {
        const { type: kind } = textSchema(variable.type);
        if (kind !== "string") channel.variables.get(variable.name)?.add(`A ${kind as string}`);
      }
      const id = idOf(mappings.length > 1 ? `${name}.${channel.id}` : name);
      const { messages, notes } = this.#replies(method, replies);
      this.model.receive({
        id,
        command: type === "SUBSCRIBE" ? "SUBSCRIBE" : "SEND",
        message:
          type === "SUBSCRIBE" ? this.#subscribeMessage(channel, method) : this.#sentMessage(channel, method),
        summary:
          type === "SUBSCRIBE"
            ? `Answers subscriptions to ${destination}`
            : `Takes what clients send to ${destination}`,
        method: name,
        authorize: method.authorize,
        replies: messages,
        errors: this.#errorsOf(method),
        tokens: [],
        notes: [...notes, ...resolverNotes(method)],
      });
    }
  }

  #sentMessage(channel: ChannelModel, { payload, headers }: MethodDescription): MessageModel {
    return this.model.message(channel, "send", {
      kind: "send",
      title: `SEND ${channel.destination}`,
      payload,
      headers: headersOf(headers),
    });
  }

  #subscribeMessage(channel: ChannelModel, { headers }: MethodDescription): MessageModel {
    return this.model.message(channel, "subscribe", {
      kind: "subscribe",
      title: `SUBSCRIBE ${channel.destination}`,
      payload: undefined,
      headers: headersOf(headers),
    });
  }

  #replies(
    method: MethodDescription,
    replies: readonly ReplyDescription[],
  ): { readonly messages: MessageModel[]; readonly notes: string[] } {
    const messages: MessageModel[] = [];
    const notes: string[] = [];
    for (const { destination, to, isDefault } of replies) {
      if (destination === undefined) continue;
      if (to === "subscription") {
        const channel = this.model.channel(destination);
        const payload = { schema: this.#answers.get(destination) };
        messages.push(
          this.model.message(channel, "answer", {
            kind: "answer",
            title: `The answer of ${destination}`,
            payload,
          }),
        );
      } else if (!isDefault || this.#heard.has(destination)) {
        const message = this.#heardMessage(destination, method.detached !== undefined);
        this.model.send(message, { method: method.name, note: RECIPIENTS[to] });
        messages.push(message);
      } else if (this.#isServed(destination)) {
        notes.push(`A value that the method returns is sent to ${destination}.`);
      }
    }
    return { messages, notes };
  }

  /** Whether a broker may take what is sent there. */
  #isServed(destination: string): boolean {
    const prefixes = this.#description.brokerDestinationPrefixes;
    return prefixes.length === 0 || prefixes.some((prefix) => destination.startsWith(prefix));
  }

  #heardMessage(destination: string, endsAsStream = false): MessageModel {
    const channel = this.model.channel(destination);
    const payload = { schema: this.#heard.get(destination) };
    const headers = new Map(endsAsStream ? [["stream", { schema: STREAM, required: false }]] : []);
    return this.model.message(channel, "message", {
      kind: "message",
      title: `MESSAGE ${channel.destination}`,
      payload,
      headers,
    });
  }

  /** Messages of the exception handlers that take what a method throws: those of its class, then those of advices. */
  #errorsOf({ controllerClass }: MethodDescription): MessageModel[] {
    const handlers = this.#description.methods.filter(({ type }) => type === "EXCEPTION");
    const own = handlers.filter(
      (handler) => !handler.isAdvice && handler.controllerClass === controllerClass,
    );
    const taken = new Set<string>();
    return [...own, ...handlers.filter(({ isAdvice }) => isAdvice)].flatMap((handler) => {
      const types = handler.exceptionTypes.map(({ name }) => name);
      const news = (types.length > 0 ? types : ["Error"]).filter((type) => !taken.has(type));
      for (const type of news) taken.add(type);
      return news.flatMap((type) => this.#errorMessages(handler, type));
    });
  }

  #errorMessages({ name, replies }: MethodDescription, type: string): MessageModel[] {
    return replies.flatMap(({ destination, to, isDefault }) => {
      if (destination === undefined || (isDefault && !this.#heard.has(destination))) return [];
      const channel = this.model.channel(destination);
      // It is what is sent there, whichever error is the first to be told.
      const payload = { schema: this.#heard.get(destination), name: `${channel.id}.message` };
      const message = this.model.message(channel, idOf(type), { kind: "message", title: type, payload });
      this.model.send(message, { method: name, note: RECIPIENTS[to as keyof typeof RECIPIENTS] });
      return message;
    });
  }

  /** The broker gets what the contract lets clients send, and no method takes. */
  #addBrokerSends(): void {
    const mapped = new Set(
      this.model.receives.flatMap(({ command, message }) => (command === "SEND" ? message.channel : [])),
    );
    for (const [destination, { send }] of Object.entries(this.#description.contract?.destinations ?? {})) {
      const channel = this.model.channel(destination);
      if (!send || mapped.has(channel)) continue;
      const payload = { schema: send as StandardSchema };
      this.model.receive({
        ...NOTHING_MORE,
        id: `broker.${channel.id}`,
        message: this.model.message(channel, "send", {
          kind: "publish",
          title: `SEND ${destination}`,
          payload,
        }),
        summary: `The broker takes what clients send to ${destination}`,
      });
    }
  }

  #addOwnSend({ destination, text, payload, headers = [] }: MessagingDescription["ownSends"][number]): void {
    const channel = this.model.channel(destination);
    const source: PayloadSource | undefined = payload && { json: payload };
    this.model.receive({
      ...NOTHING_MORE,
      id: `own.${channel.id}`,
      message: this.model.message(channel, "send", {
        kind: "send",
        title: text,
        payload: source,
        headers: new Map(
          headers.map(({ name, required }) => [name, { schema: { type: "string" }, required }]),
        ),
      }),
      summary: text,
      tokens: headers,
    });
  }
}

/** The same for destinations that differ in what their wildcards and variables are called. */
function widened(destination: string): string {
  return shapeOf(destination).replaceAll("*", "{}");
}

const NOTHING_MORE = {
  command: "SEND",
  method: undefined,
  authorize: undefined,
  replies: [],
  errors: [],
  tokens: [],
  notes: [],
} as const;

const RECIPIENTS = {
  subscribers: "All hear it who have subscribed.",
  user: "All sessions of the user hear it whose message it answers.",
  session: "Only the session hears it whose message it answers.",
} as const;

/** The last message of a stream with `@Detached`. */
const STREAM = {
  type: "string",
  enum: ["end", "error"],
  description: "Of the last message of a stream, which has no other payload than the error's text",
};

function headersOf(headers: MethodDescription["headers"]): MessageModel["headers"] {
  return new Map(
    headers.map(({ name, type, required, defaultValue }) => [
      name,
      {
        schema: { ...textSchema(type), ...(defaultValue !== undefined && { default: defaultValue }) },
        required,
      },
    ]),
  );
}

function resolverNotes({ resolvedParameters }: MethodDescription): string[] {
  if (resolvedParameters.length === 0) return [];
  return [
    `An argumentResolver of the application gives parameter ${resolvedParameters.join(", ")}, of what it finds in the message.`,
  ];
}
