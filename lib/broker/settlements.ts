import { compact, createMessage, type Message, type MessageHeaders } from "../message/message.js";
import { publishedHeaders } from "../message/publication.js";
import type { Acknowledgements } from "./acknowledgements.js";
import { refusal } from "./refusal.js";
import type { Transactions } from "./transactions.js";

/** Does what ACK, NACK, BEGIN, COMMIT and ABORT ask for, at once or as part of a transaction, and keeps its SENDs. */
export class Settlements {
  readonly #acknowledgements: Acknowledgements;
  readonly #transactions: Transactions;

  constructor(acknowledgements: Acknowledgements, transactions: Transactions) {
    this.#acknowledgements = acknowledgements;
    this.#transactions = transactions;
  }

  /** @throws MessageDeliveryError when there is no such delivery or transaction */
  handle(headers: MessageHeaders): void {
    const { sessionId = "", stompCommand, native } = headers;
    const transaction = native.get("transaction");
    if (stompCommand === "ACK" || stompCommand === "NACK") {
      this.#settle(headers, stompCommand === "ACK");
    } else if (transaction === undefined) throw refusal(`${stompCommand} needs a transaction`);
    else if (stompCommand === "BEGIN") this.#transactions.begin(sessionId, transaction);
    else if (stompCommand === "COMMIT") this.#transactions.commit(sessionId, transaction);
    else this.#transactions.abort(sessionId, transaction);
  }

  /** Keeps a SEND until COMMIT. @throws MessageDeliveryError when there is no such transaction, or it is full */
  send({ payload, headers }: Message, transaction: string): void {
    const { sessionId = "", privateTo } = headers;
    const native = headers.native.without("transaction");
    const message = compact(createMessage(payload, { ...publishedHeaders(headers), privateTo, native }));
    this.#transactions.add(sessionId, transaction, () => ({ kind: "send", message }));
  }

  #settle(headers: MessageHeaders, acknowledged: boolean): void {
    const transaction = headers.native.get("transaction");
    const take = () => this.#acknowledgements.take(headers);
    if (transaction === undefined) this.#acknowledgements.finish(take(), acknowledged);
    else {
      this.#transactions.add(headers.sessionId ?? "", transaction, () => {
        return { kind: "settle", taken: take(), acknowledged };
      });
    }
  }
}
