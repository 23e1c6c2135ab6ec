import type { ChannelInterceptor } from "../channel/interceptor.js";
import type { OwnDestination } from "../channel/interceptor-description.js";
import type { SimpMessagingTemplate } from "../channel/messaging-template.js";
import { AccessDeniedError } from "../errors.js";
import type { EventPublisher } from "../events.js";
import { type Logger, printable } from "../logger.js";
import {
  createMessage,
  type Message,
  type MessageHeaders,
  NO_PAYLOAD,
  type SessionHeaders,
  withHeaders,
} from "../message/message.js";
import { isPromise } from "../promise.js";
import type { SimpSubscription } from "../user/simp-user-registry.js";
import { type Authorization, isAllowed, type Verdict } from "./authorization.js";
import type { MessageSecurity } from "./message-security.js";
import type { AuthorizationDecision } from "./rule.js";

export interface AccessControlOptions {
  /** Without, only what stands on controllers counts. */
  readonly security: MessageSecurity | undefined;
  readonly template: SimpMessagingTemplate;
  readonly events: EventPublisher;
  readonly logger: Logger;
  /** The headers that messages of a session carry now; `undefined` when it has ended. */
  sessionHeaders(sessionId: string): SessionHeaders | undefined;
  /** Whether a session was ended, and nothing that it has sent may begin any more. */
  isOver(sessionId: string | undefined): boolean;
  /** The subscriptions of a user's session at the broker. */
  subscriptionsOf(sessionId: string): readonly SimpSubscription[];
  /** The destination whose presence a subscription tells of, if it tells of one: a client that may not hear that destination may not hear who is there. */
  roomOf?(destination: string | undefined): string | undefined;
  /** Ends a subscription, and tells the client why. */
  unsubscribe(subscription: SimpSubscription, reason: string): Promise<boolean>;
}

/** Where clients hear of denials, with `onDenied: "message"`. */
export const DENIALS: OwnDestination = {
  destination: "/queue/errors",
  toUser: true,
  text: "Tells that a message or a subscription was denied",
  payload: {
    type: "object",
    properties: { destination: { type: "string" }, message: { type: "string" } },
    required: ["message"],
  },
};

/** The `@Authorize` of a controller's method, and the variables of its pattern, as a message meets them. */
interface Guard {
  readonly authorization: Authorization;
  readonly variables: ReadonlyMap<string, string>;
}

/** A method that a message would go to, with `@Authorize` or without. */
export interface AskedMethod extends Pick<Guard, "variables"> {
  readonly authorization: Authorization | undefined;
}

/** A decision, and all who were asked for it, in order. */
export interface Judged extends AuthorizationDecision {
  readonly asked: readonly AuthorizationDecision[];
}

/** So many subscriptions are judged at a time where an application's functions take their time. */
const JUDGEMENTS_AT_A_TIME = 64;

/**
 * Holds clients to the rules: as the last interceptor of
 * `clientInboundChannel`, so that what it judges is what is handled; as the
 * guard of controllers' methods; and again of subscriptions, when rights have
 * changed. It alone decides what a denial costs.
 */
export class AccessControl implements ChannelInterceptor {
  readonly #options: AccessControlOptions;
  /** Grows whenever rights have changed. */
  #generation = 0;
  /** The generation of the rights by which a SUBSCRIBE passed, for each that is not handled yet. */
  readonly #subscribing = new Map<string, number>();
  readonly #denials = new WeakSet<AccessDeniedError>();

  constructor(options: AccessControlOptions) {
    this.#options = options;
  }

  preSend(message: Message): Message | null | Promise<Message | null> {
    const generation = this.#generation;
    const decision = this.#judge(message);
    return isPromise(decision)
      ? decision.then((decided) => this.#judged(message, decided, generation))
      : this.#judged(message, decision, generation);
  }

  afterSendCompletion({ headers }: Message): void | Promise<void> {
    const { messageType, sessionId = "", subscriptionId, grant } = headers;
    const { subscriptionsOf } = this.#options;
    // A renewed token has brought another user, who may be allowed less.
    if (grant && messageType === "MESSAGE") return this.recheck(subscriptionsOf(sessionId)).then(() => {});
    if (messageType !== "SUBSCRIBE") return;

    const key = keyOf(headers);
    const generation = this.#subscribing.get(key);
    this.#subscribing.delete(key);
    if (generation === this.#generation) return;

    // Rights have changed since it passed, and it was not there yet to be found.
    return this.#end(subscriptionsOf(sessionId).filter(({ id }) => id === subscriptionId)).then(() => {});
  }

  /**
   * Lets a message pass to a controller's method.
   *
   * @throws AccessDeniedError (or rejects with it) when it may not
   */
  guard(
    authorization: Authorization,
    message: Message,
    variables: ReadonlyMap<string, string>,
  ): void | Promise<void> {
    const decide = ({ granted, rule, reason }: AuthorizationDecision) => {
      if (!granted) throw this.#denied(message, rule, reason);
    };
    const decision = this.#ofMethod({ authorization, variables }, message);
    return isPromise(decision) ? decision.then(decide) : decide(decision);
  }

  /**
   * Says what the rules, and the `@Authorize` of the method that a message is for, make of it: nothing is denied by that,
   * and nothing announced. The method is asked only if the rules grant, as for a message that comes.
   */
  async explain(message: Message, method: AskedMethod | undefined): Promise<Judged> {
    const asked: AuthorizationDecision[] = [];
    const first = this.#options.security
      ? await this.#judge(message, asked)
      : { granted: true, rule: "there are no rules: everybody may" };
    // A rule that failed has given no answer of its own.
    if (asked.at(-1) !== first) asked.push(first);
    const { authorization, variables } = method ?? {};
    if (!first.granted || !authorization || !variables) return { ...first, asked };

    const last = await this.#ofMethod({ authorization, variables }, message);
    return { ...last, asked: [...asked, last] };
  }

  /** Whether the session of a message was ended: then nothing more is begun for it. */
  isOver({ headers }: Message): boolean {
    return this.#options.isOver(headers.sessionId);
  }

  /** Whether `guard` threw this. */
  isDenial(error: unknown): error is AccessDeniedError {
    return this.#denials.has(error as AccessDeniedError);
  }

  /**
   * Lets a denial cost what the option `onDenied` says: throws it, or is done
   * when the client was told.
   */
  async refuse(message: Message, denial: AccessDeniedError): Promise<void> {
    const { security, template, logger } = this.#options;
    const { messageType, native, sessionId = "", user, destination } = message.headers;
    const onDenied = security?.onDenied ?? "error-and-close";
    // A receipt would be a lie, and without CONNECTED nothing else can be said.
    if (onDenied === "error-and-close" || messageType === "CONNECT" || native.has("receipt")) throw denial;

    logger.debug(`${printable(denial.message)}: a message of session ${sessionId} is dropped`);
    if (onDenied === "drop") return;
    try {
      const body = { destination, message: denial.message };
      await template.convertAndSendToUser(user?.name ?? sessionId, DENIALS.destination, body, { sessionId });
    } catch (error) {
      logger.warn(`Session ${sessionId} could not be told of a denial`, error);
    }
  }

  /**
   * Judges subscriptions anew, many at a time, by what their users are now, and
   * ends those that are denied: from then on nothing of them is delivered. Then
   * waits until their clients were told. When that fails with one it goes on,
   * and rejects at the end.
   *
   * @returns how many were ended
   */
  recheck(subscriptions: readonly SimpSubscription[], reason?: string): Promise<number> {
    this.#generation++;
    return this.#end(subscriptions, reason);
  }

  async #end(subscriptions: readonly SimpSubscription[], reason?: string): Promise<number> {
    const { security, sessionHeaders, unsubscribe } = this.#options;
    if (!security) return 0;

    const told: Promise<boolean>[] = [];
    await sideBySide(subscriptions, (subscription) => {
      const { id, session, destination } = subscription;
      const headers = sessionHeaders(session.id);
      if (!headers) return;
      const subscribe = { ...headers, messageType: "SUBSCRIBE", subscriptionId: id, destination } as const;
      const message = createMessage(NO_PAYLOAD, subscribe);
      const decided = ({ granted, rule, reason: why }: AuthorizationDecision) => {
        if (granted) return;
        const denial = this.#denied(message, rule, why);
        // It is over at once; nobody else's end waits until this client was told.
        told.push(unsubscribe(subscription, reason ?? denial.message));
      };
      const decision = this.#judge(message);
      return isPromise(decision) ? decision.then(decided) : decided(decision);
    });

    const results = await Promise.allSettled(told);
    for (const result of results) if (result.status === "rejected") throw result.reason;
    return results.filter((result) => result.status === "fulfilled" && result.value).length;
  }

  #judge(
    message: Message,
    asked?: AuthorizationDecision[],
  ): AuthorizationDecision | Promise<AuthorizationDecision> {
    const { messageType, destination } = message.headers;
    const room = messageType === "SUBSCRIBE" ? this.#options.roomOf?.(destination) : undefined;
    if (room === undefined) return this.#ask(message, asked);

    const decided = (decision: AuthorizationDecision) =>
      decision.granted ? this.#ask(message, asked) : decision;
    const decision = this.#ask(withHeaders(message, { destination: room }), asked);
    return isPromise(decision) ? decision.then(decided) : decided(decision);
  }

  #ask(
    message: Message,
    asked: AuthorizationDecision[] | undefined,
  ): AuthorizationDecision | Promise<AuthorizationDecision> {
    const security = this.#options.security as MessageSecurity;
    return this.#closed("The rules", () => security.judge(message, asked), FAILED);
  }

  #ofMethod(
    { authorization, variables }: Guard,
    message: Message,
  ): AuthorizationDecision | Promise<AuthorizationDecision> {
    const rule = `@Authorize(${authorization.text})`;
    const asked = { message, variables, authoritiesOf: this.#options.security?.authoritiesOf };
    const decided = (verdict: Verdict): AuthorizationDecision =>
      typeof verdict === "boolean" ? { granted: verdict, rule } : { granted: false, rule, reason: verdict };
    const verdict = this.#closed<Verdict>(rule, () => isAllowed(authorization, asked), false);
    return isPromise(verdict) ? verdict.then(decided) : decided(verdict);
  }

  #judged(
    message: Message,
    { granted, rule, reason }: AuthorizationDecision,
    generation: number,
  ): Message | null | Promise<Message | null> {
    if (!granted) return this.refuse(message, this.#denied(message, rule, reason)).then(() => null);
    if (message.headers.messageType !== "SUBSCRIBE") return message;
    if (generation !== this.#generation) return this.preSend(message);

    this.#subscribing.set(keyOf(message.headers), generation);
    return message;
  }

  /** A rule that cannot be asked has not agreed. */
  #closed<T>(who: string, ask: () => T | Promise<T>, denied: T): T | Promise<T> {
    const failed = (error: unknown) => {
      this.#options.logger.error(`${who} could not decide, and so denied`, error);
      return denied;
    };
    try {
      const answer = ask();
      return isPromise(answer) ? Promise.resolve(answer).catch(failed) : answer;
    } catch (error) {
      return failed(error);
    }
  }

  #denied(message: Message, rule: string, reason: AccessDeniedError | undefined): AccessDeniedError {
    const { sessionId = "", user, messageType, stompCommand, destination } = message.headers;
    const command = messageType === "MESSAGE" ? "SEND" : (stompCommand ?? messageType);
    const what = destination === undefined ? command : `${command} ${printable(destination)}`;
    const denial = reason ?? new AccessDeniedError(`Access denied: ${what}`);
    this.#denials.add(denial);
    this.#options.events.publish("accessDenied", { sessionId, user, message, rule });
    return denial;
  }
}

/** Does something for each; of those that take time so many go on at once. */
async function sideBySide<T>(
  items: readonly T[],
  work: (item: T) => void | PromiseLike<void>,
): Promise<void> {
  const rest = items.values();
  const goOn = async () => {
    for (const item of rest) {
      const working = work(item);
      if (working) await working;
    }
  };
  await Promise.all(Array.from({ length: Math.min(JUDGEMENTS_AT_A_TIME, items.length) }, goOn));
}

const FAILED: AuthorizationDecision = { granted: false, rule: "a rule that failed" };

/** The key of a subscription: ids of sessions have no blanks. */
function keyOf({ sessionId, subscriptionId }: MessageHeaders): string {
  return `${sessionId} ${subscriptionId}`;
}
