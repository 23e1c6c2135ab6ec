import { LimitExceededError } from "../errors.js";
import { printable } from "../logger.js";
import { type Message, sizeOf } from "../message/message.js";
import { ownText } from "../own-text.js";
import type { Unacknowledged } from "./ack-window.js";
import type { Acknowledgements } from "./acknowledgements.js";
import { refusal } from "./refusal.js";

/** What waits for COMMIT: a message, or deliveries that an ACK or NACK took. */
type TransactionAction =
  | { readonly kind: "send"; readonly message: Message }
  | { readonly kind: "settle"; readonly taken: readonly Unacknowledged[]; readonly acknowledged: boolean };

/** As RabbitMQ bounds them. */
const OPEN_LIMIT = 16;
const ACTION_LIMIT = 1024;
/** About what an ACK or NACK takes while it waits, and each delivery that it took, in bytes. */
const SETTLEMENT_BYTES = 96;

export interface TransactionsOptions {
  /** Bytes that the messages in the transactions of one session may have. */
  readonly sizeLimit: number;
  readonly acknowledgements: Acknowledgements;
  publish(message: Message): void;
  /** Throws unless all of these can be published. */
  admit(messages: readonly Message[]): void;
}

interface SessionTransactions {
  readonly open: Map<string, TransactionAction[]>;
  /** Bytes of the messages in all of them. */
  size: number;
}

/** The open transactions of every session, bounded in number, length and size. */
export class Transactions {
  readonly #sessions = new Map<string, SessionTransactions>();
  readonly #options: TransactionsOptions;

  constructor(options: TransactionsOptions) {
    this.#options = options;
  }

  /** @throws MessageDeliveryError when it is open already, or too many are */
  begin(sessionId: string, id: string): void {
    let session = this.#sessions.get(sessionId);
    if (!session) {
      session = { open: new Map(), size: 0 };
      this.#sessions.set(sessionId, session);
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
  add(sessionId: string, id: string, make: () => TransactionAction): void {
    const { session, actions } = this.#open(sessionId, id);
    if (actions.length >= ACTION_LIMIT)
      throw new LimitExceededError("Transaction", "transactionFrameLimit", ACTION_LIMIT);

    const action = make();
    const size = sizeOfAction(action);
    if (session.size + size > this.#options.sizeLimit) {
      throw new LimitExceededError("Session", "transactionSizeLimit", this.#options.sizeLimit);
    }
    session.size += size;
    actions.push(action);
  }

  /**
   * Does what waits, in the order it came: all of it, or nothing.
   *
   * @throws MessageDeliveryError when the transaction is not open, or a queue has no room for what it sends
   */
  commit(sessionId: string, id: string): void {
    const { acknowledgements, admit, publish } = this.#options;
    const { actions } = this.#open(sessionId, id);
    admit(actions.flatMap((action) => (action.kind === "send" ? action.message : [])));

    this.#remove(sessionId, id);
    for (const action of actions) {
      if (action.kind === "send") publish(action.message);
      else acknowledgements.finish(action.taken, action.acknowledged);
    }
  }

  /** Forgets what waits. @throws MessageDeliveryError when the transaction is not open */
  abort(sessionId: string, id: string): void {
    const { actions } = this.#open(sessionId, id);
    this.#remove(sessionId, id);
    this.#takeBack(actions);
  }

  /** The session has ended, and with it all its transactions. */
  abortAll(sessionId: string): void {
    const session = this.#sessions.get(sessionId);
    this.#sessions.delete(sessionId);
    for (const actions of session?.open.values() ?? []) this.#takeBack(actions);
  }

  clear(): void {
    this.#sessions.clear();
  }

  #open(sessionId: string, id: string) {
    const session = this.#sessions.get(sessionId);
    const actions = session?.open.get(id);
    if (!session || !actions) throw refusal(`No transaction ${printable(id)} is open`);
    return { session, actions };
  }

  #remove(sessionId: string, id: string): void {
    const { session, actions } = this.#open(sessionId, id);
    for (const action of actions) session.size -= sizeOfAction(action);
    session.open.delete(id);
  }

  #takeBack(actions: readonly TransactionAction[]): void {
    for (const action of actions) {
      if (action.kind === "settle") this.#options.acknowledgements.restore(action.taken);
    }
  }
}

function sizeOfAction(action: TransactionAction): number {
  return action.kind === "send" ? sizeOf(action.message) : SETTLEMENT_BYTES * (1 + action.taken.length);
}
