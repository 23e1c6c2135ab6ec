import { before } from "./hook.js";
import type { Publication, StompClient, StompFrame, StompMessage } from "./stomp-client.js";
import { uuid } from "./unconfirmed.js";

interface Waiting {
  resolve(message?: StompMessage): void;
  reject(error: Error): void;
}

/** The answers that are waited for of a server: receipts, and those to SUBSCRIBE. */
export class Answers {
  readonly #client: StompClient;
  readonly #within: number;
  readonly #waiting = new Map<string, Waiting>();
  /** Requests that wait for a connection. */
  readonly #unsent = new Map<string, () => void>();

  constructor(client: StompClient, within: number) {
    this.#client = client;
    this.#within = within;
    before(client, "onConnect", () => {
      // A frame of the connection before is not answered on this one.
      this.#lost("The connection was lost before the answer came: it may have been handled");
      for (const [id, send] of [...this.#unsent]) {
        this.#unsent.delete(id);
        send();
      }
    });
    before(client, "onStompError", ({ headers }: StompFrame) => {
      const { message = "", "receipt-id": id } = headers;
      if (id !== undefined) this.#waiting.get(id)?.reject(new Error(message));
    });
  }

  /** Resolves at the RECEIPT. */
  publish(publication: Publication): Promise<void> {
    const receipt = uuid();
    const headers = { ...publication.headers, receipt };
    return this.#answer(receipt, publication.destination, () => {
      this.#client.watchForReceipt(receipt, () => this.#waiting.get(receipt)?.resolve());
      this.#client.publish({ ...publication, headers });
    }).then(() => {});
  }

  /** Subscribes, and resolves with the first MESSAGE. */
  async request(destination: string): Promise<StompMessage> {
    const receipt = uuid();
    let subscription: { unsubscribe(): void } | undefined;
    const send = () => {
      subscription = this.#client.subscribe(
        destination,
        (message) => this.#waiting.get(receipt)?.resolve(message),
        { receipt },
      );
    };
    try {
      return (await this.#answer(receipt, destination, () => {
        if (this.#client.connected) send();
        else this.#unsent.set(receipt, send);
      })) as StompMessage;
    } finally {
      this.#unsent.delete(receipt);
      if (this.#client.connected) subscription?.unsubscribe();
    }
  }

  #answer(id: string, destination: string, send: () => void): Promise<StompMessage | undefined> {
    return new Promise<StompMessage | undefined>((resolve, reject) => {
      const text = `No answer came from ${destination} within ${this.#within} ms`;
      const late = () => this.#waiting.get(id)?.reject(new Error(text));
      const timer = setTimeout(late, this.#within);
      const settle = () => {
        clearTimeout(timer);
        this.#waiting.delete(id);
      };
      this.#waiting.set(id, {
        resolve: (message) => {
          settle();
          resolve(message);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      });
      try {
        send();
      } catch (error) {
        this.#waiting.get(id)?.reject(error instanceof Error ? error : new Error(String(error)));
      }
    });
  }

  #lost(text: string): void {
    for (const [id, { reject }] of [...this.#waiting]) if (!this.#unsent.has(id)) reject(new Error(text));
  }
}
