import {
  type Contract,
  type ContractEntry,
  type DestinationsWith,
  destinationOf,
  type InputOf,
  type OutputOf,
  type SchemaOf,
  type VariableArguments,
} from "../contract/index.js";
import {
  ConfigurationError,
  MessageMapping,
  Payload,
  SendTo,
  SendToUser,
  type SendToUserOptions,
  type SimpMessagingTemplate,
  type StandardSchema,
  SubscribeMapping,
} from "../index.js";

/** The words of the compiler where a method is not as the contract says. */
export interface Mistake<Text extends string> {
  readonly "the contract says": Text;
}

type Method = (...args: never) => unknown;

type Under<D, P extends string> = D extends `${P}${infer Rest}` ? Rest : never;

/** Whether a method has a parameter that takes a value; or none at all, so that it needs none. */
type Takes<M extends Method, V> =
  Parameters<M> extends []
    ? true
    : true extends { [I in keyof Parameters<M>]: V extends Parameters<M>[I] ? true : false }[number]
      ? true
      : false;

/** The value that a method sends: what it returns, what its promise resolves to, or the elements of its stream. */
type Sent<R> = R extends PromiseLike<infer V> ? Sent<V> : R extends AsyncIterable<infer V> ? V : R;

/** Whether what a method sends fits; nothing is sent of nothing. */
type Gives<M extends Method, V> = [Exclude<Sent<ReturnType<M>>, undefined | null | void>] extends [V]
  ? true
  : false;

type Fits<M extends Method, Is extends boolean, Text extends string> = TypedPropertyDescriptor<M> &
  (Is extends true ? unknown : Mistake<Text>);

/** The decorators of the library, told what a contract says; and ways to send. */
export interface TypedServer<E, P extends string> {
  /** Maps SEND to a method, one of whose parameters takes what the schema makes. */
  MessageMapping<D extends Under<DestinationsWith<E, "send">, P>>(
    pattern: D,
  ): <M extends Method>(
    prototype: object,
    method: string | symbol,
    descriptor: Fits<
      M,
      Takes<M, OutputOf<SchemaOf<E, `${P}${D}`, "send">>>,
      "no parameter takes what clients send"
    >,
  ) => void;
  /** Maps SUBSCRIBE to a method, which returns what the schema takes. */
  SubscribeMapping<D extends Under<DestinationsWith<E, "subscribe">, P>>(
    pattern: D,
  ): <M extends Method>(
    prototype: object,
    method: string | symbol,
    descriptor: Fits<
      M,
      Gives<M, InputOf<SchemaOf<E, `${P}${D}`, "subscribe">>>,
      "who subscribes gets another answer"
    >,
  ) => void;
  /** Names where what a method returns is sent, which is what the schema takes. */
  SendTo<D extends DestinationsWith<E, "message">>(
    destination: D,
  ): <M extends Method>(
    prototype: object,
    method: string | symbol,
    descriptor: Fits<M, Gives<M, InputOf<SchemaOf<E, D, "message">>>, "another message is sent there">,
  ) => void;
  /** The same for the user whose message it was: the contract has the destination below `/user`. */
  SendToUser<D extends Under<DestinationsWith<E, "message">, "/user">>(
    destination: D,
    options?: SendToUserOptions,
  ): <M extends Method>(
    prototype: object,
    method: string | symbol,
    descriptor: Fits<
      M,
      Gives<M, InputOf<SchemaOf<E, `/user${D}`, "message">>>,
      "another message is sent there"
    >,
  ) => void;
  /** The payload of what clients send to a destination, with its schema: for a method of which `MessageMapping` cannot know which parameter that is. */
  Payload<D extends Under<DestinationsWith<E, "send">, P>>(
    pattern: D,
  ): ReturnType<typeof Payload<OutputOf<SchemaOf<E, `${P}${D}`, "send">>>>;
  /** Sends to all who have subscribed. Resolves as the template does. */
  send<D extends DestinationsWith<E, "message">>(
    template: SimpMessagingTemplate,
    destination: D,
    ...rest: [...VariableArguments<D>, payload: InputOf<SchemaOf<E, D, "message">>]
  ): Promise<void>;
  /** Sends to a user: the contract has the destination below `/user`. Resolves as the template does. */
  sendToUser<D extends Under<DestinationsWith<E, "message">, "/user">>(
    template: SimpMessagingTemplate,
    user: string,
    destination: D,
    ...rest: [...VariableArguments<D>, payload: InputOf<SchemaOf<E, `/user${D}`, "message">>]
  ): Promise<void>;
}

/** Options of `typedServer`. */
export interface TypedServerOptions<P extends string> {
  /** That of `applicationDestinationPrefixes` below which the contract's mappings are; `""` if there is none. */
  readonly prefix: P;
}

/**
 * Gives the library's decorators as a contract lets them be used: another
 * destination, a method that does not take what clients send, or sends what
 * the contract does not say, does not compile.
 *
 * With the option `contract` of `stompMessaging` the start compares both, and payloads are validated by the contract's schemas.
 *
 * @example
 * ```ts
 * const { MessageMapping, SendTo } = typedServer(chat, { prefix: "/app" });
 * ```
 */
export function typedServer<E, const P extends string>(
  contract: Contract<E>,
  { prefix }: TypedServerOptions<P>,
): TypedServer<E, P> {
  const entries = contract.destinations as Readonly<Record<string, ContractEntry | undefined>>;
  const known = (kind: keyof ContractEntry, destination: string) => {
    const schema = entries[destination]?.[kind];
    if (schema) return schema as StandardSchema;
    throw new ConfigurationError(`The contract has no ${kind} for ${destination}`);
  };
  const server = {
    MessageMapping(pattern: string) {
      known("send", `${prefix}${pattern}`);
      return MessageMapping(pattern);
    },
    SubscribeMapping(pattern: string) {
      known("subscribe", `${prefix}${pattern}`);
      return SubscribeMapping(pattern);
    },
    SendTo(destination: string) {
      known("message", destination);
      return SendTo(destination);
    },
    SendToUser(destination: string, options: SendToUserOptions = {}) {
      known("message", `/user${destination}`);
      return SendToUser(destination, options);
    },
    // Not as a method: the linter takes that for a component of React.
    ["Payload" as const]: (pattern: string) => Payload(known("send", `${prefix}${pattern}`)),
    send(template: SimpMessagingTemplate, destination: string, ...rest: readonly unknown[]) {
      known("message", destination);
      return template.convertAndSend(...sent(destination, rest));
    },
    sendToUser(
      template: SimpMessagingTemplate,
      user: string,
      destination: string,
      ...rest: readonly unknown[]
    ) {
      known("message", `/user${destination}`);
      return template.convertAndSendToUser(user, ...sent(destination, rest));
    },
  };
  return server as unknown as TypedServer<E, P>;
}

/** The destination and the payload, behind the variables if there are any. */
function sent(pattern: string, rest: readonly unknown[]): [destination: string, payload: unknown] {
  const payload = rest.at(-1);
  return rest.length > 1
    ? [destinationOf(pattern, rest[0] as Record<string, unknown>), payload]
    : [pattern, payload];
}
