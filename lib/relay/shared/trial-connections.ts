import type { TickingClock, Watched } from "../../clock/ticking-clock.js";
import { BrokerNotAvailableError } from "../../errors.js";
import type { Logger } from "../../logger.js";
import { NativeHeaders } from "../../message/native-headers.js";
import type { Frame } from "../../stomp/frame.js";
import { clientConnectHeaders, connectForClient } from "../clients/client-login.js";
import { BrokerConnection } from "../line/broker-connection.js";
import type { BrokerConnections } from "../line/broker-connections.js";
import type { BrokerAddress, RelaySettings } from "../relay-settings.js";

/** So many connections there are at once. */
const CONNECTION_LIMIT = 10;

export interface TrialConnectionsOptions {
  readonly settings: RelaySettings;
  readonly clock: TickingClock;
  readonly connections: BrokerConnections;
  readonly logger: Logger;
  /** The broker of the moment. */
  address(): BrokerAddress;
}

/** A frame whose turn has not come. */
interface WaitingTrial {
  /** By the clock, in ms. */
  readonly due: number;
  begin(): void;
  refuse(error: Error): void;
}

/** Sends frames that the broker may refuse, each over a connection of its own: ten at a time, the others in order. */
export class TrialConnections implements Watched {
  readonly shortest: number;
  readonly #options: TrialConnectionsOptions;
  readonly #open = new Set<BrokerConnection>();
  readonly #waiting: WaitingTrial[] = [];

  constructor(options: TrialConnectionsOptions) {
    this.#options = options;
    this.shortest = options.settings.receiptTimeout;
  }

  /** Resolves when the broker has confirmed a frame. @throws MessageDeliveryError when it does not, or is too slow */
  tryOut(frame: Frame): Promise<void> {
    if (this.#open.size < CONNECTION_LIMIT) return this.#begin(frame);

    const { clock, settings } = this.#options;
    if (this.#waiting.length === 0) clock.watch(this);
    return new Promise((resolve, refuse) => {
      const due = clock.now + settings.receiptTimeout;
      this.#waiting.push({ due, begin: () => resolve(this.#begin(frame)), refuse });
    });
  }

  /** Cuts all of them, whatever the broker has not answered. */
  close(): void {
    for (const { refuse } of this.#waiting.splice(0)) {
      refuse(new BrokerNotAvailableError("The connections to the broker were closed"));
    }
    for (const connection of this.#open) connection.destroy();
  }

  /** For the clock. */
  begin(): void {}

  /** For the clock: nobody waits for ever because the broker is slow with others. */
  check(): void {
    const { clock, settings } = this.#options;
    const text = `The broker is slow: a new destination was not tried out within ${settings.receiptTimeout} ms`;
    while ((this.#waiting[0]?.due ?? clock.now) < clock.now) {
      this.#waiting.shift()?.refuse(new BrokerNotAvailableError(text));
    }
    this.#rest();
  }

  async #begin(frame: Frame): Promise<void> {
    const { settings, clock, connections, logger, address } = this.#options;
    const connection = new BrokerConnection({
      address: address(),
      settings,
      clock,
      connections,
      versions: ["1.1", "1.2"],
      headers: clientConnectHeaders(NativeHeaders.EMPTY, settings),
      message() {},
      ended() {},
    });
    this.#open.add(connection);
    try {
      await connectForClient(connection, { settings, logger });
      await connection.request(frame, settings.receiptTimeout).confirmed;
    } finally {
      void this.#leave(connection);
    }
  }

  /** The next one has to wait until the broker has let go of this one. */
  async #leave(connection: BrokerConnection): Promise<void> {
    await connection.disconnect();
    this.#open.delete(connection);
    this.#waiting.shift()?.begin();
    this.#rest();
  }

  /** Leaves the clock while no frame waits. */
  #rest(): void {
    if (this.#waiting.length === 0) this.#options.clock.unwatch(this);
  }
}
