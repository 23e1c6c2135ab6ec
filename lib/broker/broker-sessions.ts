import type { SessionEnd } from "../message/session-end.js";
import type { SubscriptionView } from "../observe/views.js";
import { BrokerSession, type BrokerSessionContext } from "./broker-session.js";
import type { Consumer } from "./consumer.js";
import type { Listeners } from "./listeners.js";
import type { Transactions } from "./transactions.js";

export interface BrokerSessionsContext extends BrokerSessionContext {
  readonly listeners: Listeners;
  readonly transactions: Transactions;
}

/** The sessions that have come by CONNECT and not left by DISCONNECT, each with its consumers. */
export class BrokerSessions {
  readonly #sessions = new Map<string, BrokerSession<Consumer>>();
  readonly #context: BrokerSessionsContext;

  constructor(context: BrokerSessionsContext) {
    this.#context = context;
  }

  get(sessionId = ""): BrokerSession<Consumer> | undefined {
    return this.#sessions.get(sessionId);
  }

  consumer(sessionId: string, subscriptionId: string): Consumer | undefined {
    return this.#sessions.get(sessionId)?.consumers.get(subscriptionId);
  }

  *consumers(): Generator<Consumer> {
    for (const { consumers } of this.#sessions.values()) yield* consumers.values();
  }

  /** How many consumers all sessions have. */
  get subscriptions(): number {
    let count = 0;
    for (const { consumers } of this.#sessions.values()) count += consumers.size;
    return count;
  }

  /** Tells of the subscriptions. @param sessionId whose; by default all */
  *views(sessionId: string | undefined): Generator<SubscriptionView> {
    const consumers = sessionId === undefined ? this.consumers() : this.get(sessionId)?.consumers.values();
    for (const consumer of consumers ?? []) yield consumer.view;
  }

  /** A session has come. It may have come before. */
  open(sessionId: string): void {
    if (this.#sessions.has(sessionId)) return;
    this.#sessions.set(sessionId, new BrokerSession(sessionId, this.#context));
  }

  /** A delivery for which an ACK may still be on its way waits for that; all others go to other consumers at once. */
  ended({ sessionId, handled, settles }: SessionEnd): void {
    const session = this.#sessions.get(sessionId);
    if (!session) return;

    session.end();
    this.#endConsumers(session);
    if (settles) void handled?.then(() => this.leave(sessionId));
    else void this.leave(sessionId);
  }

  /** A session has left: what it has not acknowledged goes to others, and its transactions are aborted. */
  leave(sessionId = ""): void | Promise<void> {
    const session = this.#sessions.get(sessionId);
    if (!session) return;

    this.#sessions.delete(sessionId);
    session.end();
    this.#endConsumers(session);
    return this.#context.turns.take(() => {
      this.#context.transactions.abortAll(session);
      session.returnAll();
    });
  }

  clear(): void {
    for (const session of this.#sessions.values()) this.#endConsumers(session);
    this.#sessions.clear();
  }

  #endConsumers({ id, consumers }: BrokerSession<Consumer>): void {
    const { listeners } = this.#context;
    for (const consumer of consumers.values()) {
      consumer.remove();
      listeners.remove(consumer);
    }
    consumers.clear();
    listeners.removePrivate(id);
  }
}
