import type { MessageHandler } from "../channel/message-handler.js";
import { parseUserDestination, userDestination } from "../destination/user-destination.js";
import { AccessDeniedError, MessageDeliveryError } from "../errors.js";
import { type Message, type Principal, withHeaders } from "../message/message.js";
import type { SessionEnd } from "../message/session-end.js";
import { isPromise } from "../promise.js";
import type { PresenceStation } from "./presence/presence.js";
import type { Unserved } from "./unserved.js";
import type { UserMessageHandler } from "./user-message-handler.js";
import type { UserSessionLimit } from "./user-session-limit.js";
import type { UserSessions } from "./user-sessions.js";

export interface UserClientHandlerOptions {
  /** With its closing slash: `/user/`. */
  readonly prefix: string;
  /** Whether what clients SEND to users' destinations is taken. */
  readonly clientsMaySend: boolean;
  readonly sessions: UserSessions;
  /** Where messages to users go. */
  readonly messages: UserMessageHandler;
  /** Whether a handler of `clientInboundChannel` beside this one takes a message. */
  isServedElsewhere(message: Message): boolean;
  readonly unserved: Unserved;
  readonly broker: MessageHandler & {
    hasSubscription(sessionId: string, subscriptionId: string): boolean;
    sessionEnded?(end: SessionEnd): void;
  };
  /** Whether a session is there and has not ended. */
  isOpen(sessionId: string): boolean;
  readonly limit: UserSessionLimit | undefined;
  /** Tells who is where, if the application wants that. */
  readonly presence?: PresenceStation | undefined;
}

/**
 * Stands before the broker on `clientInboundChannel`: makes subscriptions of
 * `/user/…` private to their session, refuses what clients send there, and
 * notes what the broker delivers to whom.
 */
export class UserClientHandler implements MessageHandler {
  /** For interceptors it is the broker that it stands before. */
  readonly name = "broker";
  readonly #options: UserClientHandlerOptions;

  constructor(options: UserClientHandlerOptions) {
    this.#options = options;
  }

  handle(message: Message): void | Promise<void> {
    const { broker } = this.#options;
    switch (message.headers.messageType) {
      case "MESSAGE":
        return this.#message(message);
      case "CONNECT":
        return this.#connect(message);
      case "SUBSCRIBE":
        return this.#subscribe(message);
      case "UNSUBSCRIBE":
        return this.#unsubscribe(message);
      case "DISCONNECT":
        return this.#disconnect(message);
      case "CONNECT_ACK":
      case "OTHER":
        return broker.handle(message);
    }
  }

  /** Puts an accepted session on the books, under the user that CONNECT_ACK made it. */
  connected(sessionId: string, user: Principal | undefined): void {
    this.#options.sessions.add(sessionId, user);
  }

  /** Takes a session off the books, and lets the broker know. */
  sessionEnded(end: SessionEnd): void {
    this.#forget(end.sessionId, end.isMeant);
    this.#options.broker.sessionEnded?.(end);
  }

  #forget(sessionId: string, isMeant: boolean | undefined): void {
    const { sessions, limit, presence } = this.#options;
    sessions.remove(sessionId, undefined, isMeant);
    limit?.leave(sessionId);
    presence?.sessionEnded(sessionId);
  }

  /** Nothing comes to life any more for a session that ended while its frame was on the way. */
  #expectOpen({ messageType, sessionId = "" }: Message["headers"]): void {
    if (!this.#options.isOpen(sessionId)) {
      throw new MessageDeliveryError(`${messageType} came too late: session ${sessionId} has ended`);
    }
  }

  #connect(message: Message): void | Promise<void> {
    const { broker, limit } = this.#options;
    const { sessionId, user } = message.headers;
    this.#expectOpen(message.headers);
    if (sessionId !== undefined && user) limit?.enter(user.name, sessionId);
    return broker.handle(message);
  }

  #subscribe(message: Message): void | Promise<void> {
    const { broker, sessions, presence } = this.#options;
    const { sessionId = "", subscriptionId = "", destination = "" } = message.headers;
    this.#expectOpen(message.headers);
    const watches = presence?.claim(message.headers);
    const own = this.#isForUsers(message) ? { privateTo: sessionId } : watches;
    const handled = this.#toBroker(own ? withHeaders(message, own) : message);
    return after(handled, () => {
      // A SUBSCRIBE that only a controller answers is no subscription, and nothing would bound how many there are.
      if (!broker.hasSubscription(sessionId, subscriptionId)) return;
      sessions.addSubscription(sessionId, subscriptionId, destination);
      if (watches) presence?.watch(sessionId, subscriptionId, destination);
    });
  }

  #message(message: Message): void | Promise<void> {
    const { presence, sessions } = this.#options;
    const { sessionId = "", destination, user, grant } = message.headers;
    if (presence?.roomOf(destination) !== undefined) {
      throw new AccessDeniedError("Presence is told by the server: nobody can send there");
    }
    if (grant && user) sessions.renewed(sessionId, user);
    return this.#isForUsers(message) ? this.#send(message) : this.#toBroker(message);
  }

  /** @throws MessageDeliveryError when nobody serves a destination, and the client would wait in vain */
  #toBroker(message: Message): void | Promise<void> {
    const { broker, isServedElsewhere, unserved } = this.#options;
    const { headers } = message;
    const isServed = headers.destination === undefined || broker.serves?.(headers) !== false;
    if (isServed) return broker.handle(message);
    if (!isServedElsewhere(message)) unserved.byClient(message);
  }

  #unsubscribe(message: Message): void | Promise<void> {
    const { broker, sessions, presence } = this.#options;
    const { sessionId = "", subscriptionId = "" } = message.headers;
    presence?.unwatch(sessionId, subscriptionId);
    // First: while a broker elsewhere is asked, the id may come to stand for another subscription.
    sessions.removeSubscription(sessionId, subscriptionId);
    return broker.handle(message);
  }

  #disconnect(message: Message): void | Promise<void> {
    this.#forget(message.headers.sessionId ?? "", true);
    return this.#options.broker.handle(message);
  }

  #send(message: Message): void | Promise<void> {
    const { prefix, clientsMaySend, messages } = this.#options;
    const { destination = "" } = message.headers;
    if (!clientsMaySend) throw new AccessDeniedError("Clients may not send to users");

    const address = parseUserDestination(prefix, destination);
    if (!address) throw new AccessDeniedError("The destination names no user, or no destination of one");
    // One spelling only, so that no rule for a destination is passed by with another.
    if (userDestination(prefix, address) !== destination) {
      throw new AccessDeniedError("In the name of a user / is written %2F, and % is written %25");
    }
    return messages.send(message, { byClient: true });
  }

  #isForUsers({ headers }: Message): boolean {
    return headers.destination?.startsWith(this.#options.prefix) === true;
  }
}

/** Goes on at once if it can. */
function after(handled: void | Promise<void>, next: () => void): void | Promise<void> {
  return isPromise(handled) ? handled.then(next) : next();
}
