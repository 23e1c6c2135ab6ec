import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { TickingClock, Watched } from "../../clock/ticking-clock.js";
import { WaitingTime } from "../../stomp/waiting-time.js";
import type { BrokerAddress, RelaySettings } from "../relay-settings.js";

export interface BrokerLineOptions {
  readonly address: BrokerAddress;
  readonly settings: RelaySettings;
  readonly clock: TickingClock;
  /** TCP is connected, and TLS if there is any. */
  connected(): void;
  received(chunk: Buffer): void;
  /** It is over, for whatever reason; `what` goes on a sentence about the broker. May be called again. */
  failed(what: string, cause?: Error): void;
  /** Called at each tick of the clock. */
  tick(): void;
}

/** The TCP connection, or TLS, under a connection to the broker: bytes in both directions, and how fast they go. */
export class BrokerLine implements Watched {
  readonly shortest: number;
  readonly #options: BrokerLineOptions;
  readonly #socket: Socket;
  readonly #waitingTime = new WaitingTime();
  #given = 0;
  #corked = false;
  #drained: { readonly promise: Promise<void>; resolve(): void } | undefined;

  /** Begins to connect. */
  constructor(options: BrokerLineOptions) {
    const { address, settings, clock } = options;
    const { tls, sendTimeLimit, receiptTimeout } = settings;
    this.#options = options;
    this.shortest = Math.min(sendTimeLimit, receiptTimeout);
    this.#socket = tls ? connectTls({ ...tls, ...address }) : connectTcp({ ...address });
    this.#socket
      .setNoDelay(true)
      .setKeepAlive(true, 30_000)
      .once(tls ? "secureConnect" : "connect", () => {
        clock.watch(this);
        options.connected();
      })
      .on("data", (chunk: Buffer) => options.received(chunk))
      .on("drain", () => this.#settleDrained())
      .on("error", (error) => options.failed(`cannot be reached: ${error.message}`, error))
      .on("close", () => options.failed("closed the connection"));
  }

  /** Bytes that were sent so far. */
  get given(): number {
    return this.#given;
  }

  /** Bytes that wait because the broker does not read. */
  get waiting(): number {
    return this.#socket.writableLength;
  }

  /** Sends bytes; a promise is to wait for before the next ones, and never rejects. */
  write(bytes: Uint8Array): void | Promise<void> {
    this.#given += bytes.length;
    this.#cork();
    if (this.#socket.write(bytes)) return;

    if (!this.#drained) {
      let resolve = () => {};
      const promise = new Promise<void>((done) => {
        resolve = done;
      });
      this.#drained = { promise, resolve };
    }
    return this.#drained.promise;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Closes it when all that waits has left. */
  end(): void {
    this.#socket.end();
  }

  /** Cuts it. */
  destroy(): void {
    this.#options.clock.unwatch(this);
    this.#socket.destroy();
    this.#settleDrained();
  }

  /** For the clock. */
  begin(): void {}

  /** For the clock: notices a broker that does not read, in a time that stands still while we stall. */
  check(): void {
    const { clock, settings, failed, tick } = this.#options;
    tick();
    const age = this.#waitingTime.age({ now: clock.now, given: this.#given, waiting: this.waiting });
    if (age > settings.sendTimeLimit) failed(`took nothing for ${settings.sendTimeLimit} ms`);
  }

  /** Frames that are written in one turn leave together. */
  #cork(): void {
    if (this.#corked) return;
    this.#corked = true;
    this.#socket.cork();
    process.nextTick(() => {
      this.#corked = false;
      this.#socket.uncork();
    });
  }

  #settleDrained(): void {
    this.#drained?.resolve();
    this.#drained = undefined;
  }
}
