import type { MessageHandler } from "../channel/message-handler.js";
import { parseUserDestination, type UserAddress } from "../destination/user-destination.js";
import { MessageDeliveryError } from "../errors.js";
import { printable } from "../logger.js";
import { type Message, withHeaders } from "../message/message.js";
import type { Unserved } from "./unserved.js";
import type { UserSessions } from "./user-sessions.js";

export interface UserMessageHandlerOptions {
  /** With its closing slash: `/user/`. */
  readonly prefix: string;
  readonly sessions: UserSessions;
  readonly broker: MessageHandler & {
    receivers?(destination: string): Iterable<string>;
    keepsForUsers?(destination: string): boolean;
  };
  /** Whether the broker takes what is sent to a message's destination. */
  isServed(message: Message): boolean;
  /** Whether a handler of `brokerChannel` beside this one takes a message. */
  isServedElsewhere(message: Message): boolean;
  readonly unserved: Unserved;
  /** Whether what is sent to a destination is told by the server alone. Default: nothing is. */
  isPresence?(destination: string): boolean;
  /** Takes messages for users to all other servers, if there are such. */
  readonly others?: OtherServers | undefined;
}

export interface OtherServers {
  /** Whether what is sent comes to `deliver` of this server, too, from there. Default: it does not. */
  readonly bringsBack?: boolean;
  /** @throws MessageDeliveryError, at once, when none of them can take it */
  send(message: Message, options: SenderOptions): Promise<void>;
}

export interface SenderOptions {
  /** Whether a client sent it: it is not for strangers then, whose ids are no names. */
  readonly byClient: boolean;
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
 * A user that it does not find misses the message, as in Spring, unless the broker keeps such
 * for those who come back: then it gets the message once, with all sessions of the user. With other servers
 * each of them looks too, since a user may be on several. All else goes to the
 * broker as it is.
 */
export class UserMessageHandler implements MessageHandler {
  /** For interceptors it is the broker that it stands before. */
  readonly name = "broker";
  readonly #options: UserMessageHandlerOptions;
  #closed = false;

  constructor(options: UserMessageHandlerOptions) {
    this.#options = options;
  }

  /** Takes nothing from now on. */
  close(): void {
    this.#closed = true;
  }

  /** @throws MessageDeliveryError (or rejects with it) when nobody takes the message, or all is closed */
  handle(message: Message): void | Promise<void> {
    const { prefix, broker, isServed, isServedElsewhere, isPresence, unserved } = this.#options;
    if (this.#closed) throw new MessageDeliveryError("The messaging was closed: it sends nothing any more");
    const { messageType, destination, privateTo } = message.headers;
    if (messageType === "MESSAGE" && destination?.startsWith(prefix)) {
      return this.send(message, { byClient: false });
    }
    if (destination !== undefined && isPresence?.(destination)) {
      throw new MessageDeliveryError(
        `Presence is told by itself: nobody can send to ${printable(destination)}`,
      );
    }
    if (privateTo !== undefined) {
      throw new MessageDeliveryError(`Only what is sent to ${prefix}… can be for one session`);
    }
    if (messageType !== "MESSAGE" || isServed(message)) return broker.handle(message);
    if (!isServedElsewhere(message)) unserved.byApplication(message);
  }

  /** The sessions that a message to a destination is delivered to, if that is known. */
  receivers(destination: string): Iterable<string> {
    const { prefix, sessions, broker } = this.#options;
    if (!destination.startsWith(prefix)) return broker.receivers?.(destination) ?? [];
    const address = parseUserDestination(prefix, destination);
    return address ? sessions.idsOf(address.name, undefined) : [];
  }

  /** Sends a message to a user, wherever that is. */
  send(message: Message, options: SenderOptions): void | Promise<void> {
    const { sessions, others } = this.#options;
    const { name } = this.#addressOf(message);
    const { privateTo } = message.headers;
    const isHere =
      sessions.isAnonymous(name) || (privateTo !== undefined && sessions.idsOf(name, privateTo).length > 0);
    if (!others || isHere) return this.deliver(message, options);
    if (others.bringsBack) return others.send(message, options);

    // First: a message that is too long for the other servers reaches nobody.
    const told = others.send(message, options);
    return Promise.all([told, attempt(() => this.deliver(message, options))]).then(() => {});
  }

  /** Hands a message to the sessions of a user that are on this server. */
  deliver(message: Message, { byClient }: SenderOptions): void | Promise<void> {
    const { prefix, sessions, broker } = this.#options;
    const { name, destination } = this.#addressOf(message);
    const { privateTo, sessionId } = message.headers;
    // A client that got to know a stranger's id can do nothing with it.
    if (byClient && sessions.isAnonymous(name) && name !== sessionId) return;

    const seen = prefix.slice(0, -1) + destination;
    const ids = sessions.idsOf(name, privateTo);
    // A stranger does not come back, and what is for one session is nothing for the next.
    if (privateTo === undefined && !sessions.wasAnonymous(name) && broker.keepsForUsers?.(seen)) {
      return broker.handle(withHeaders(message, { destination: seen, forUser: { name, sessionIds: ids } }));
    }
    return this.#handAll(ids.map((id) => withHeaders(message, { destination: seen, privateTo: id })));
  }

  #addressOf({ headers: { destination = "" } }: Message): UserAddress {
    const address = parseUserDestination(this.#options.prefix, destination);
    if (address) return address;
    throw new MessageDeliveryError(`${printable(destination)} names no user, or no destination of one`);
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

/** Turns a throw into a rejection. */
async function attempt(act: () => void | Promise<void>): Promise<void> {
  await act();
}
