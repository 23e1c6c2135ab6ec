import { LimitExceededError, refusal } from "../errors.js";
import { printable } from "../logger.js";
import { type Message, sizeOf } from "../message/message.js";
import { ownText } from "../own-text.js";
import type { Unacknowledged } from "./ack-window.js";
import type { BrokerSession, Settlement } from "./broker-session.js";

/** One thing that waits for COMMIT: a message, or deliveries that an ACK or NACK took. */
type TransactionAction =
  | SendAction
  | { readonly kind: "settle"; readonly taken: readonly Unacknowledged[]; readonly outcome: Settlement };

/** A message that waits for COMMIT. */
export interface SendAction {
  readonly kind: "send";
  readonly message: Message;
  /** Whether it goes to a user on all servers, by its destination. */
  readonly isToUser: boolean;
}

/** As RabbitMQ bounds them. */
const OPEN_LIMIT = 16;
const ACTION_LIMIT = 1024;
/** About what an ACK or NACK takes while it waits, and each delivery that it took, in bytes. */
const SETTLEMENT_BYTES = 96;

export interface TransactionsOptions {
  /** Bytes that the messages in the transactions of one session may have. */
  readonly sizeLimit: number;
  /** Publishes what was admitted. */
  publish(action: SendAction, payer: string): void | Promise<void>;
  /** Throws unless all of these can be published. */
  admit(messages: readonly Message[], payer: string): void;
}

interface SessionTransactions {
  readonly open: Map<string, TransactionAction[]>;
  /** Bytes of the messages in all of them. */
  size: number;
}

/** The open transactions of every session, bounded in number, length and size. */
export class Transactions {
  readonly #sessions = new Map<BrokerSession, SessionTransactions>();
  readonly #options: TransactionsOptions;

  constructor(options: TransactionsOptions) {
    this.#options = options;
  }

  /** @throws MessageDeliveryError when it is open already, or too many are */
  begin(owner: BrokerSession, id: string): void {
    let session = this.#sessions.get(owner);
    if (!session) {
      session = { open: new Map(), size: 0 };
      this.#sessions.set(owner, session);
    }
    if (session.open.has(id)) throw refusal(`The transaction ${printable(id)} is open already`);
    if (session.open.size >= OPEN_LIMIT)
      throw new LimitExceededError("Session", "transactionLimit", OPEN_LIMIT);
    session.open.set(ownText(id), []);
  }

  /**
   * Adds an action that is made once there is a place for it.
   *
   * @throws MessageDeliveryError when the transaction is not open, LimitExceededError when it is full
   */
  add(owner: BrokerSession, id: string, make: () => TransactionAction): void {
    const { session, actions } = this.#open(owner, id);
    if (actions.length >= ACTION_LIMIT)
      throw new LimitExceededError("Transaction", "transactionFrameLimit", ACTION_LIMIT);

    const action = make();
    const size = sizeOfAction(action);
    if (session.size + size > this.#options.sizeLimit) {
      takeBack(owner, [action]);
      throw new LimitExceededError("Session", "transactionSizeLimit", this.#options.sizeLimit);
    }
    session.size += size;
    actions.push(action);
  }

  /**
   * Does what waits, in the order it came: all of it, or nothing.
   *
   * @param payer who pays for what it sends
   * @returns a promise if some of what it sends goes to other servers: it settles when they will hear all of it
   * @throws MessageDeliveryError when the transaction is not open, or what it sends cannot be published now
   */
  commit(owner: BrokerSession, id: string, payer: string): void | Promise<void> {
    const { admit, publish } = this.#options;
    const { actions } = this.#open(owner, id);
    admit(
      actions.flatMap((action) => (action.kind === "send" ? action.message : [])),
      payer,
    );
    this.#remove(owner, id);
    const published: Promise<void>[] = [];
    for (const action of actions) {
      if (action.kind === "settle") {
        owner.settle(action.taken, action.outcome);
        continue;
      }
      const publishing = publish(action, payer);
      if (publishing) published.push(publishing);
    }
    if (published.length > 0) return Promise.all(published).then(() => {});
  }

  /** Forgets what waits. @throws MessageDeliveryError when the transaction is not open */
  abort(owner: BrokerSession, id: string): void {
    const { actions } = this.#open(owner, id);
    this.#remove(owner, id);
    takeBack(owner, actions);
  }

  /** The session has ended, and with it all its transactions. */
  abortAll(owner: BrokerSession): void {
    const session = this.#sessions.get(owner);
    this.#sessions.delete(owner);
    for (const actions of session?.open.values() ?? []) takeBack(owner, actions);
  }

  clear(): void {
    this.#sessions.clear();
  }

  #open(owner: BrokerSession, id: string) {
    const session = this.#sessions.get(owner);
    const actions = session?.open.get(id);
    if (!session || !actions) throw notOpen(id);
    return { session, actions };
  }

  #remove(owner: BrokerSession, id: string): void {
    const { session, actions } = this.#open(owner, id);
    for (const action of actions) session.size -= sizeOfAction(action);
    session.open.delete(id);
  }
}

/** A frame names a transaction that its session has not begun. */
export function notOpen(id: string): Error {
  return refusal(`No transaction ${printable(id)} is open`);
}

function takeBack(owner: BrokerSession, actions: readonly TransactionAction[]): void {
  for (const action of actions) {
    if (action.kind === "settle") owner.restore(action.taken);
  }
}

function sizeOfAction(action: TransactionAction): number {
  return action.kind === "send" ? sizeOf(action.message) : SETTLEMENT_BYTES * (1 + action.taken.length);
}
