import type { MessageHandler } from "../channel/channel.js";
import { parseUserDestination } from "../destination/user-destination.js";
import { MessageDeliveryError } from "../errors.js";
import { printable } from "../logger.js";
import { type Message, withHeaders } from "../message/message.js";
import type { UserSessions } from "./user-sessions.js";

export interface UserMessageHandlerOptions {
  /** With its closing slash: `/user/`. */
  readonly prefix: string;
  readonly sessions: UserSessions;
  readonly broker: MessageHandler;
}

/**
 * Stands before the broker on `brokerChannel`, and finds the people whom
 * messages are for.
 *
 * A message to `/user/<name>/queue/x`, as `userDestination` writes it, becomes
 * one to `/user/queue/x` for each session of that user, with `privateTo` set:
 * the broker takes such to that session's own user destinations and nowhere
 * else. If the sender sets `privateTo`, only that session is meant, and nobody
 * when it is not the user's. A session without a user goes by its id as name.
 * `sessionId` stays the sender's, which keeps the order.
 *
 * Whom it does not find misses the message, as Spring does. All else goes to
 * the broker as it is.
 */
export class UserMessageHandler implements MessageHandler {
  /** For interceptors it is the broker that it stands before. */
  readonly name = "broker";
  readonly #options: UserMessageHandlerOptions;

  constructor(options: UserMessageHandlerOptions) {
    this.#options = options;
  }

  handle(message: Message): void | Promise<void> {
    const { prefix, sessions, broker } = this.#options;
    const { messageType, destination, privateTo } = message.headers;
    if (messageType !== "MESSAGE" || !destination?.startsWith(prefix)) {
      if (privateTo !== undefined) {
        throw new MessageDeliveryError(`Only what is sent to ${prefix}… can be for one session`);
      }
      return broker.handle(message);
    }

    const address = parseUserDestination(prefix, destination);
    if (!address) {
      throw new MessageDeliveryError(`${printable(destination)} names no user, or no destination of one`);
    }
    const seen = prefix.slice(0, -1) + address.destination;
    const ids = sessions.idsOf(address.name, privateTo);
    return this.#handAll(ids.map((id) => withHeaders(message, { destination: seen, privateTo: id })));
  }

  /** Every session gets its own, also when the broker refused it for one before. */
  #handAll(messages: readonly Message[]): void | Promise<void> {
    const pending: Promise<void>[] = [];
    for (const message of messages) {
      try {
        const handled = this.#options.broker.handle(message);
        if (handled) pending.push(handled);
      } catch (error) {
        pending.push(Promise.reject(error));
      }
    }
    if (pending.length > 0) return Promise.all(pending).then(() => {});
  }
}
