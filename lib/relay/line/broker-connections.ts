import type { RelayStats } from "../../observe/stats.js";

/** A connection to the broker, as it is counted. */
interface CountedConnection {
  readonly unconfirmed: number;
  readonly waiting: number;
}

/** The connections to the broker that are open, whoever has them. */
export class BrokerConnections {
  readonly #open = new Set<CountedConnection>();
  #lost = 0;

  opened(connection: CountedConnection): void {
    this.#open.add(connection);
  }

  /** @param isLost whether nobody here had ended it */
  closed(connection: CountedConnection, isLost: boolean): void {
    this.#open.delete(connection);
    if (isLost) this.#lost++;
  }

  get stats(): RelayStats {
    let pendingReceipts = 0;
    let waitingBytes = 0;
    for (const { unconfirmed, waiting } of this.#open) {
      pendingReceipts += unconfirmed;
      waitingBytes += waiting;
    }
    return { connections: this.#open.size, lost: this.#lost, pendingReceipts, waitingBytes };
  }
}
