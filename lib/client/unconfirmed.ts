import type { Publication, StompClient } from "./stomp-client.js";

/** So many wait for their receipts; and so long, in ms, from when they were first sent: a server remembers them no longer. */
const LIMIT = 1_000;
const WINDOW = 5 * 60_000;

interface Unconfirmed {
  readonly publication: Publication;
  firstSent: number | undefined;
  resolve(): void;
  reject(error: Error): void;
}

/** The messages that were published, and not confirmed yet: they are sent again after each reconnect, in their order. */
export class UnconfirmedPublications {
  readonly #client: Pick<StompClient, "connected" | "publish" | "watchForReceipt">;
  readonly #all = new Map<string, Unconfirmed>();

  constructor(client: Pick<StompClient, "connected" | "publish" | "watchForReceipt">) {
    this.#client = client;
  }

  publish(given: Publication): Promise<void> {
    if (this.#all.size >= LIMIT) {
      return Promise.reject(new Error(`${LIMIT} messages wait for their receipts: send less, or later`));
    }
    const id = given.headers?.["dedup-id"] ?? uuid();
    if (this.#all.has(id))
      return Promise.reject(new Error(`The dedup-id ${id} waits for its receipt already`));

    const publication = { ...given, headers: { ...given.headers, "dedup-id": id, receipt: id } };
    return new Promise((resolve, reject) => {
      const unconfirmed: Unconfirmed = { publication, firstSent: undefined, resolve, reject };
      this.#all.set(id, unconfirmed);
      if (this.#client.connected) this.#send(id, unconfirmed);
    });
  }

  connected(): void {
    for (const [id, unconfirmed] of this.#all) {
      if (Date.now() - (unconfirmed.firstSent ?? Date.now()) < WINDOW) this.#send(id, unconfirmed);
      else
        this.#take(id)?.reject(new Error("It was not confirmed in five minutes, and may have been handled"));
    }
  }

  /** The server has refused one: it would refuse it again. */
  refused(receiptId: string | undefined, reason: string): void {
    if (receiptId !== undefined) this.#take(receiptId)?.reject(new Error(reason));
  }

  #send(id: string, unconfirmed: Unconfirmed): void {
    unconfirmed.firstSent ??= Date.now();
    this.#client.watchForReceipt(id, () => this.#take(id)?.resolve());
    try {
      this.#client.publish(unconfirmed.publication);
    } catch {
      // The line broke in this very moment: it is sent when there is another.
    }
  }

  #take(id: string): Unconfirmed | undefined {
    const unconfirmed = this.#all.get(id);
    this.#all.delete(id);
    return unconfirmed;
  }
}

/** `crypto.randomUUID` is for pages over TLS only. */
export function uuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
