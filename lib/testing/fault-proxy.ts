import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { reset } from "./reset.js";

/** A client's connection and the one that was made for it. */
interface Pair {
  readonly client: Socket;
  readonly target: Socket;
}

/** A TCP server. */
interface Address {
  readonly host: string;
  readonly port: number;
}

/** A line on loopback between somebody and a TCP server, which tests can harm. */
export class FaultProxy {
  readonly host = "127.0.0.1";
  readonly #server: Server;
  readonly #target: Address;
  readonly #pairs = new Set<Pair>();
  #refusing = false;
  #stalled = false;
  #delay = 0;

  private constructor(target: Address) {
    this.#target = target;
    this.#server = createServer({ allowHalfOpen: true }, (client) => this.#accept(client));
  }

  /** @internal */
  static async open(target: Address): Promise<FaultProxy> {
    const proxy = new FaultProxy(target);
    await once(proxy.#server.listen(0, "127.0.0.1"), "listening");
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** How many connections go through it. */
  get connections(): number {
    return this.#pairs.size;
  }

  /** Ends every connection at once, with a reset to both sides. */
  cut(): void {
    for (const { client, target } of this.#pairs) {
      reset(client);
      reset(target);
    }
  }

  /** Lets nothing pass in either direction, and tells nobody: a cable that was pulled. */
  stall(): void {
    this.#stalled = true;
    for (const { client, target } of this.#pairs) {
      client.pause();
      target.pause();
    }
  }

  /** Lets everything pass again, what was held back first. */
  resume(): void {
    this.#stalled = false;
    for (const { client, target } of this.#pairs) {
      client.resume();
      target.resume();
    }
  }

  /** Holds back all that comes for so many ms, in order. */
  delay(milliseconds: number): void {
    this.#delay = milliseconds;
  }

  /** Resets new connections, as if nobody listened; or takes them again. */
  refuse(refusing = true): void {
    this.#refusing = refusing;
  }

  /** Ends all connections, and listens no more. */
  async close(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.cut();
    await closed;
  }

  #accept(client: Socket): void {
    if (this.#refusing) {
      reset(client.on("error", () => {}));
      return;
    }
    const { host, port } = this.#target;
    const target = connect({ host, port, allowHalfOpen: true });
    const pair = { client, target };
    this.#pairs.add(pair);
    this.#pipe(client, target);
    this.#pipe(target, client);
    const over = () => {
      this.#pairs.delete(pair);
      client.destroy();
      target.destroy();
    };
    for (const socket of [client, target]) socket.on("error", over).on("close", over);
    if (this.#stalled) {
      client.pause();
      target.pause();
    }
  }

  #pipe(from: Socket, to: Socket): void {
    // Chunks that were held back are written at once, each with a listener of its own.
    to.setMaxListeners(0);
    let before: Promise<unknown> = Promise.resolve();
    const inOrder = (pass: () => void) => {
      if (this.#delay === 0) {
        before = before.then(pass);
      } else {
        const due = wait(this.#delay);
        before = before.then(() => due).then(pass);
      }
    };
    from.on("data", (chunk) => {
      inOrder(() => {
        if (to.destroyed || to.write(chunk)) return;
        from.pause();
        to.once("drain", () => {
          if (!this.#stalled) from.resume();
        });
      });
    });
    from.on("end", () => inOrder(() => to.end()));
  }
}

/**
 * Opens a proxy before a TCP server, such as a broker elsewhere, whose connections it can cut, stall and delay.
 *
 * @example
 * ```ts
 * const line = await faultProxy({ host: "127.0.0.1", port: 61613 });
 * const broker = stompBrokerRelay({ relayHost: line.host, relayPort: line.port });
 * line.stall();
 * ```
 */
export function faultProxy(target: Address): Promise<FaultProxy> {
  return FaultProxy.open(target);
}
