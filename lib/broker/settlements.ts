import { refusal } from "../errors.js";
import { compact, createMessage, type Message, type MessageHeaders } from "../message/message.js";
import { publishedHeaders } from "../message/publication.js";
import type { BrokerSession, Settlement } from "./broker-session.js";
import type { BrokerSessions } from "./broker-sessions.js";
import { payerOf } from "./payers.js";
import { notOpen, type Transactions } from "./transactions.js";

/** Does what ACK, NACK, BEGIN, COMMIT and ABORT ask for, at once or as part of a transaction, and keeps its SENDs. */
export class Settlements {
  readonly #transactions: Transactions;
  readonly #sessions: BrokerSessions;

  constructor(transactions: Transactions, sessions: BrokerSessions) {
    this.#transactions = transactions;
    this.#sessions = sessions;
  }

  /**
   * @returns a promise if that goes to other servers: it settles when they will hear it
   * @throws MessageDeliveryError when there is no such delivery or transaction
   */
  handle(headers: MessageHeaders): void | Promise<void> {
    const { stompCommand, native } = headers;
    const session = this.#sessions.get(headers.sessionId);
    if (!session) throw refusal(`Only a connected session can send ${stompCommand}`);
    const transaction = native.get("transaction");
    if (stompCommand === "ACK" || stompCommand === "NACK") {
      this.#settle(headers, session, stompCommand === "ACK" ? "acknowledged" : "failed");
    } else if (transaction === undefined) throw refusal(`${stompCommand} needs a transaction`);
    else if (stompCommand === "BEGIN") this.#transactions.begin(session, transaction);
    else if (stompCommand === "COMMIT")
      return this.#transactions.commit(session, transaction, payerOf(headers));
    else this.#transactions.abort(session, transaction);
  }

  /**
   * Keeps a SEND until COMMIT.
   *
   * @param isToUser whether it goes to a user on all servers, by its destination
   * @throws MessageDeliveryError when there is no such transaction, or it is full
   */
  send({ payload, headers }: Message, transaction: string, isToUser = false): void {
    const session = this.#sessions.get(headers.sessionId);
    if (!session) throw notOpen(transaction);
    const { privateTo, forUser } = headers;
    const native = headers.native.without("transaction");
    const message = compact(
      createMessage(payload, { ...publishedHeaders(headers), privateTo, forUser, native }),
    );
    this.#transactions.add(session, transaction, () => ({ kind: "send", message, isToUser }));
  }

  #settle(headers: MessageHeaders, session: BrokerSession, outcome: Settlement): void {
    const transaction = headers.native.get("transaction");
    if (transaction === undefined) session.settle(session.take(headers), outcome);
    else {
      this.#transactions.add(session, transaction, () => {
        return { kind: "settle", taken: session.take(headers), outcome };
      });
    }
  }
}
