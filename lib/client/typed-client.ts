import {
  type Contract,
  type ContractEntry,
  type ContractSchema,
  type DestinationsWith,
  destinationOf,
  type InputOf,
  type OutputOf,
  type SchemaIssue,
  type SchemaOf,
  type VariableArguments,
  type Variables,
} from "../contract/index.js";
import { Answers } from "./answers.js";
import type { PlaceOptions } from "./place.js";
import { type Present, type WatchPresenceOptions, watchPresence } from "./presence.js";
import { type ResumingSubscription, resuming } from "./resuming.js";
import type { StompClient, StompHeaders, StompMessage } from "./stomp-client.js";

/** Options of `typedClient`. */
export interface TypedClientOptions<V extends boolean> {
  /**
   * Whether the contract's schemas look at what is sent and at what comes. Then a
   * message is what its schema makes of it, a `Date` perhaps; else it is as it travels.
   *
   * @default false
   */
  readonly validate?: V;
  /** Ms until `request` and `publish` reject when no answer has come. @default 10000 */
  readonly within?: number;
}

/** How a message is published. */
export interface TypedPublishOptions {
  /** Sends it again after a reconnect until it is confirmed, as `publish` of `resuming` does. @default false */
  readonly retry?: boolean;
  readonly headers?: StompHeaders;
}

/** How a subscription goes on, and what is done about a message that does not fit its schema. */
export interface TypedSubscribeOptions extends PlaceOptions {
  /** @default an error on the console */
  onInvalid?(error: InvalidBodyError, message: StompMessage): void;
}

/** A body does not fit the contract's schema, or is no JSON. */
export class InvalidBodyError extends Error {
  override readonly name = "InvalidBodyError";
  readonly issues: readonly SchemaIssue[];

  constructor(destination: string, issues: readonly SchemaIssue[]) {
    const texts = issues.map(({ message, path = [] }) => {
      const keys = path.map((step) => String(typeof step === "object" ? step.key : step));
      return [keys.join("."), message].filter((text) => text !== "").join(": ");
    });
    super(`The body for ${destination} is not as the contract says: ${texts.join("; ")}`);
    this.issues = issues;
  }
}

/** Destinations that have variables. */
type Open<D extends string> = Extract<D, `${string}{${string}`>;

type Heard<S, V extends boolean> = V extends true ? OutputOf<S> : InputOf<S>;

/** The `info` of users who are present: what the contract says of it where it has the destination of presence, too. */
type InfoOf<E, P extends string> = [SchemaOf<E, P, "message">] extends [never]
  ? unknown
  : InputOf<SchemaOf<E, P, "message">> extends { readonly users?: infer Users }
    ? NonNullable<Users> extends readonly { readonly info?: infer Info }[]
      ? Exclude<Info, undefined>
      : unknown
    : unknown;

/** A client that sends and hears what a contract says. */
export interface TypedClient<E, V extends boolean = false> {
  /**
   * Sends a message. Resolves when the server has confirmed it.
   *
   * @throws InvalidBodyError; Error with the text of ERROR, or when the connection is lost before
   */
  publish<D extends DestinationsWith<E, "send">>(
    destination: D,
    ...rest: [...VariableArguments<D>, body: InputOf<SchemaOf<E, D, "send">>, options?: TypedPublishOptions]
  ): Promise<void>;
  /** Subscribes, now or as soon as the client is connected, and again after each reconnect, as `resuming` does. */
  subscribe<D extends Open<DestinationsWith<E, "message">>>(
    destination: D,
    variables: Variables<D>,
    take: (body: Heard<SchemaOf<E, D, "message">, V>, message: StompMessage) => void,
    options?: TypedSubscribeOptions,
  ): ResumingSubscription;
  subscribe<D extends Exclude<DestinationsWith<E, "message">, `${string}{${string}`>>(
    destination: D,
    take: (body: Heard<SchemaOf<E, D, "message">, V>, message: StompMessage) => void,
    options?: TypedSubscribeOptions,
  ): ResumingSubscription;
  /**
   * Watches who is at a destination of a server with the option `presence`, as `watchPresence` does. `info` is typed by
   * the contract's entry for `<destination>/presence`, if it has one; nothing is validated: the server writes it.
   */
  watchPresence<D extends Open<DestinationsWith<E, "message">>, const S extends string = "/presence">(
    destination: D,
    variables: Variables<D>,
    show: (present: Present<InfoOf<E, `${D}${S}`>>) => void,
    options?: WatchPresenceOptions & { suffix?: S },
  ): { unsubscribe(): void };
  watchPresence<
    D extends Exclude<DestinationsWith<E, "message">, `${string}{${string}`>,
    const S extends string = "/presence",
  >(
    destination: D,
    show: (present: Present<InfoOf<E, `${D}${S}`>>) => void,
    options?: WatchPresenceOptions & { suffix?: S },
  ): { unsubscribe(): void };
  /**
   * Subscribes for the one answer, as soon as the client is connected.
   *
   * @throws InvalidBodyError; Error with the text of ERROR, or when no answer comes in time
   */
  request<D extends DestinationsWith<E, "subscribe">>(
    destination: D,
    ...rest: VariableArguments<D>
  ): Promise<Heard<SchemaOf<E, D, "subscribe">, V>>;
}

/**
 * Lets a STOMP client send and hear what a contract says: another destination,
 * variable or body does not compile. Subscriptions go on after a reconnect by `resuming`.
 *
 * @example
 * ```ts
 * const typed = typedClient(chat, new Client({ brokerURL }));
 * typed.subscribe("/topic/room/{id}", { id: 7 }, ({ text }) => console.log(text));
 * await typed.publish("/app/room/{id}", { id: 7 }, { text: "hi" });
 * ```
 */
export function typedClient<E, const V extends boolean = false>(
  contract: Contract<E>,
  client: StompClient,
  { validate, within = 10_000 }: TypedClientOptions<V> = {},
): TypedClient<E, V> {
  const entries = contract.destinations as Readonly<Record<string, ContractEntry | undefined>>;
  const live = resuming(client);
  const answers = new Answers(client, within);
  const schemaOf = (kind: keyof ContractEntry, destination: string) =>
    validate ? (entries[destination]?.[kind] as ContractSchema | undefined) : undefined;

  const typed = {
    async publish(destination: string, ...rest: readonly unknown[]): Promise<void> {
      const { variables, others } = split(destination, rest);
      const [body, options] = others as [unknown, TypedPublishOptions?];
      await fitting(destination, body, schemaOf("send", destination));
      const { retry = false, headers = {} } = options ?? {};
      const publication = { destination: destinationOf(destination, variables), ...written(body, headers) };
      if (retry) await live.publish(publication, { retry });
      else await answers.publish(publication);
    },
    subscribe(destination: string, ...rest: readonly unknown[]): ResumingSubscription {
      const { variables, others } = split(destination, rest);
      const [take, options = {}] = others as [
        (body: unknown, message: StompMessage) => void,
        TypedSubscribeOptions?,
      ];
      const schema = schemaOf("message", destination);
      const { onInvalid = (error: InvalidBodyError) => console.error(error) } = options;
      const hear = inOrder(
        (message: StompMessage) => fitting(destination, read(destination, message), schema),
        take,
        onInvalid,
      );
      return live.subscribe(destinationOf(destination, variables), hear, options);
    },
    watchPresence(destination: string, ...rest: readonly unknown[]): { unsubscribe(): void } {
      const { variables, others } = split(destination, rest);
      const [show, options] = others as [(present: Present) => void, WatchPresenceOptions?];
      return watchPresence(client, destinationOf(destination, variables), show, options);
    },
    async request(destination: string, ...rest: readonly unknown[]): Promise<unknown> {
      const { variables } = split(destination, rest);
      const message = await answers.request(destinationOf(destination, variables));
      return fitting(destination, read(destination, message), schemaOf("subscribe", destination));
    },
  };
  return typed as unknown as TypedClient<E, V>;
}

/** The variables stand first, where the destination has some. */
function split(pattern: string, rest: readonly unknown[]) {
  const has = pattern.includes("{");
  return { variables: has ? (rest[0] as Record<string, unknown>) : {}, others: has ? rest.slice(1) : rest };
}

/** Gives what the schema makes of a value; a promise where the schema is asynchronous. @throws InvalidBodyError, or rejects with it */
function fitting(destination: string, value: unknown, schema: ContractSchema | undefined): unknown {
  if (!schema) return value;
  const outcome = schema["~standard"].validate(value);
  const made = (result: Awaited<typeof outcome>) => {
    if (result.issues) throw new InvalidBodyError(destination, result.issues);
    return result.value;
  };
  return outcome instanceof Promise ? outcome.then(made) : made(outcome);
}

/** Hands on each message when the one before was, or was found invalid: a schema may be asynchronous. */
function inOrder(
  make: (message: StompMessage) => unknown,
  take: (body: unknown, message: StompMessage) => void,
  invalid: (error: InvalidBodyError, message: StompMessage) => void,
): (message: StompMessage) => void {
  /** Never rejects: a `take` that throws takes nothing from the messages behind. */
  let before: Promise<void> | undefined;
  const failed = (error: unknown, message: StompMessage) => {
    if (!(error instanceof InvalidBodyError)) throw error;
    invalid(error, message);
  };
  return (message) => {
    let made: unknown;
    try {
      made = make(message);
    } catch (error) {
      if (!before) {
        failed(error, message);
        return;
      }
      made = Promise.reject(error);
    }
    if (!(made instanceof Promise) && !before) {
      take(made, message);
      return;
    }
    const body = Promise.resolve(made);
    // Rejected before its turn perhaps, when nobody listens yet.
    body.catch(() => {});
    const turn = Promise.resolve(before)
      .then(() => body)
      .then(
        (value) => take(value, message),
        (error: unknown) => failed(error, message),
      );
    const over = turn.catch(() => {});
    before = over;
    // An error that `take` throws is an unhandled rejection here.
    void turn.finally(() => {
      if (before === over) before = undefined;
    });
  };
}

/** Text goes as it is, all else as JSON. */
function written(body: unknown, headers: StompHeaders): { body: string; headers: StompHeaders } {
  const isText = typeof body === "string";
  const contentType = isText ? "text/plain;charset=UTF-8" : "application/json";
  return {
    body: isText ? body : (JSON.stringify(body) ?? ""),
    headers: { "content-type": contentType, ...headers },
  };
}

/** @throws InvalidBodyError when it is neither text by its content type nor JSON: any client may have sent it */
function read(destination: string, { body, headers }: StompMessage): unknown {
  if (body === "") return undefined;
  if (/^text\//i.test(headers["content-type"] ?? "")) return body;
  try {
    return JSON.parse(body) as unknown;
  } catch (error) {
    throw new InvalidBodyError(destination, [{ message: `it is no JSON: ${(error as Error).message}` }]);
  }
}
