import type { Clock } from "../clock/clock.js";
import { MessageDeliveryError, refusal } from "../errors.js";
import type { EventPublisher } from "../events.js";
import { type Logger, printable } from "../logger.js";
import type { Message } from "../message/message.js";
import { SparingLog } from "../sparing-log.js";

export interface UnservedOptions {
  /** Like the other prefixes they are named in the log, and in the application's errors. */
  readonly applicationPrefixes: readonly string[];
  readonly brokerPrefixes: readonly string[];
  readonly userPrefix: string;
  readonly events: EventPublisher;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** Refuses, or tells of, a message to a destination that neither controllers nor the broker nor users serve. */
export class Unserved {
  readonly #options: UnservedOptions;
  readonly #served: string;
  readonly #log: SparingLog;

  constructor(options: UnservedOptions) {
    const { applicationPrefixes, brokerPrefixes, userPrefix } = options;
    const controllers =
      applicationPrefixes.length > 0 ? under(applicationPrefixes) : "what they are mapped to";
    const broker = brokerPrefixes.length > 0 ? under(brokerPrefixes) : "all else";
    this.#options = options;
    this.#served = `controllers have ${controllers}, the broker ${broker}, users ${under([userPrefix])}`;
    const { logger, clock } = options;
    this.#log = new SparingLog({ logger, clock, lines: 10, period: "minute" });
  }

  /**
   * Tells of what a client sent.
   *
   * @throws MessageDeliveryError when the client waits for something: for deliveries, or for a receipt
   */
  byClient(message: Message): void {
    const { messageType, destination = "", sessionId = "", user, native } = message.headers;
    const command = messageType === "MESSAGE" ? "SEND" : messageType;
    this.#log.warn(
      `Nothing here serves ${command} ${printable(destination)} of session ${printable(sessionId)}: ${this.#served}`,
    );
    if (messageType !== "MESSAGE" || native.has("receipt")) {
      const text = `Nothing here serves ${printable(destination)}`;
      throw refusal(text);
    }
    this.#options.events.publish("unhandled", { sessionId, user, message });
  }

  /** @throws MessageDeliveryError always: the application waits for its promise */
  byApplication({ headers: { destination = "" } }: Message): never {
    throw new MessageDeliveryError(`Nothing here serves ${printable(destination)}: ${this.#served}`);
  }
}

function under(prefixes: readonly string[]): string {
  return `what is under ${[...new Set(prefixes)].join(" or ")}`;
}
