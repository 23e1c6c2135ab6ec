import type { ApplicationDestinations } from "../destination/application-destinations.js";
import { ConfigurationError } from "../errors.js";
import type { StandardSchema } from "../message/standard-schema.js";
import type { ExceptionMethod, MappedMethod } from "./metadata.js";

/** The messages under each destination, as `destinations(…)` of `express-stomp/contract` says them. */
export interface StompContract {
  readonly destinations: Readonly<Record<string, StompContractEntry>>;
}

/** A destination as a contract has it, in Standard Schemas. */
export interface StompContractEntry {
  /** The payload that clients SEND there. */
  readonly send?: { readonly "~standard": unknown };
  /** The payload that subscribers hear. */
  readonly message?: { readonly "~standard": unknown };
  /** The one answer to a SUBSCRIBE. */
  readonly subscribe?: { readonly "~standard": unknown };
}

/** How a contract is read. */
export interface ContractReading {
  readonly contract: StompContract;
  /** Whether methods may be mapped, and reply, to no other destinations. */
  readonly isComplete: boolean;
  readonly applications: ApplicationDestinations;
  /** With its closing slash. */
  readonly userDestinationPrefix: string;
}

/** A method, and the texts of the patterns that it is mapped to: none of an exception handler. */
export interface MethodWithPatterns {
  readonly method: MappedMethod | ExceptionMethod;
  readonly patterns: readonly string[];
}

/** The contract between clients and controllers: gives payloads their schemas, and is compared with the methods. */
export class ControllerContract {
  readonly #reading: ContractReading;
  /** By what a method would be mapped to. */
  readonly #sent = new Map<string, StandardSchema>();

  constructor(reading: ContractReading) {
    this.#reading = reading;
    for (const [destination, { send }] of this.#entries) {
      if (send) this.#sent.set(this.#mapping(destination), send as StandardSchema);
    }
  }

  /**
   * The schema of what clients send to a method; `undefined` if the contract has none.
   *
   * @throws ConfigurationError when its patterns have several
   */
  payloadSchema({ method: { name, type }, patterns }: MethodWithPatterns): StandardSchema | undefined {
    if (type !== "MESSAGE") return undefined;
    const schemas = new Set(patterns.map((pattern) => this.#sent.get(shape(pattern))));
    if (schemas.size <= 1) return [...schemas][0];
    throw new ConfigurationError(
      `${name} is mapped to ${patterns.join(" and ")}, of which the contract says different things: ` +
        "give each a method, or write @Payload(schema)",
    );
  }

  /** @throws ConfigurationError that lists what one side has, and the other has not */
  check(methods: readonly MethodWithPatterns[]): void {
    const faults = [...this.#unmapped(methods), ...(this.#reading.isComplete ? this.#unsaid(methods) : [])];
    if (faults.length === 0) return;
    throw new ConfigurationError(`The contract and the controllers differ: ${faults.join("; ")}`);
  }

  get #entries(): [string, StompContractEntry][] {
    return Object.entries(this.#reading.contract.destinations);
  }

  /** Destinations that the contract has, and no method. A message that goes to no controller is the broker's. */
  #unmapped(methods: readonly MethodWithPatterns[]): string[] {
    const { applications } = this.#reading;
    const mapped = new Set(
      methods.flatMap(({ method, patterns }) => patterns.map((text) => `${method.type} ${shape(text)}`)),
    );
    return this.#entries.flatMap(([destination, { send, subscribe }]) => {
      const mapping = this.#mapping(destination);
      const isOurs = applications.arePrefixed && applications.has(destination);
      return [
        ...(send && isOurs && !mapped.has(`MESSAGE ${mapping}`)
          ? [`clients send to ${destination}, and no @MessageMapping has it`]
          : []),
        ...(subscribe && !mapped.has(`SUBSCRIBE ${mapping}`)
          ? [`clients subscribe to ${destination} for an answer, and no @SubscribeMapping has it`]
          : []),
      ];
    });
  }

  /** Destinations that methods have, and the contract has not. */
  #unsaid(methods: readonly MethodWithPatterns[]): string[] {
    const said = (kind: keyof StompContractEntry) =>
      new Set(this.#entries.flatMap(([destination, entry]) => (entry[kind] ? [destination] : [])));
    const subscribed = new Set([...said("subscribe")].map((destination) => this.#mapping(destination)));
    const heard = new Set([...said("message")].map(shape));

    return methods.flatMap(({ method, patterns }) => {
      const { name, type } = method;
      const known = type === "SUBSCRIBE" ? subscribed : this.#sent;
      const kind = type === "SUBSCRIBE" ? "subscribe" : "send";
      return [
        ...patterns
          .filter((pattern) => !known.has(shape(pattern)))
          .map((pattern) => `${name} is mapped to ${pattern}, of which the contract has no ${kind}`),
        ...this.#repliesOf(method)
          .filter((destination) => !heard.has(shape(destination)))
          .map((destination) => `${name} sends to ${destination}, of which the contract has no message`),
      ];
    });
  }

  /** The destinations that a method's decorators name. */
  #repliesOf({ sendTo = [], sendToUser }: MappedMethod | ExceptionMethod): string[] {
    const prefix = this.#reading.userDestinationPrefix.slice(0, -1);
    return [...sendTo, ...(sendToUser?.destinations ?? []).map((destination) => `${prefix}${destination}`)];
  }

  #mapping(destination: string): string {
    return shape(this.#reading.applications.lookup(destination) ?? destination);
  }
}

/** A pattern without the names of its variables and their expressions, which the two sides may write otherwise. */
function shape(pattern: string): string {
  return pattern.replace(/\{[^{}:]+(?::(?:[^{}]|\{[^{}]*\})*)?\}/g, "{}");
}
