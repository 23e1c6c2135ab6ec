import { FrameReader, frameBytes, type StompFrame, type StompVersion } from "./frame.js";
import type { PageLines } from "./page-lines.js";
import { PageSocket, type SocketPeer } from "./page-socket.js";
import { Transactions } from "./transactions.js";

const SUPPORTED: readonly StompVersion[] = ["1.2", "1.1", "1.0"];

/** A subscription of a page. */
export interface PageSubscription {
  readonly id: string;
  readonly destination: string;
  readonly ack: string;
}

/** A broker, as its connections tell it of their frames. */
export interface ConnectionHost {
  readonly lines: PageLines;
  frame(frame: StompFrame, connection: BrokerConnection): void;
  over(connection: BrokerConnection): void;
}

/** One page's connection: frames from it and to it, its subscriptions, and what it has not acknowledged. */
export class BrokerConnection implements SocketPeer {
  readonly socket: PageSocket;
  readonly subscriptions = new Map<string, PageSubscription>();
  /** Deliveries that wait for ACK, by the id that acknowledges them. */
  readonly unacknowledged = new Map<string, StompFrame>();
  readonly transactions = new Transactions();
  isConnected = false;
  user: string | undefined;
  readonly #host: ConnectionHost;
  readonly #reader = new FrameReader();
  #stopBeats = () => {};

  constructor(protocols: readonly string[], host: ConnectionHost) {
    this.#host = host;
    this.socket = new PageSocket(protocols[0] ?? "", this);
  }

  get version(): StompVersion {
    return this.#reader.version;
  }

  /** Ends a subscription: what it has not acknowledged does not come to it again. */
  unsubscribe(id: string): void {
    this.subscriptions.delete(id);
    for (const [ackId, { headers }] of this.unacknowledged) {
      if (headers.subscription === id) this.unacknowledged.delete(ackId);
    }
  }

  opened(): void {
    if (this.#host.lines.isDown) this.cut();
  }

  message(data: string | Uint8Array): void {
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    this.#host.lines.carry(() => {
      for (const frame of this.#reader.read(bytes)) if (frame) this.#host.frame(frame, this);
    });
  }

  closed(): void {
    this.#stopBeats();
    this.#host.over(this);
  }

  cut(): void {
    this.closed();
    this.socket.shut(1006, "", false);
  }

  close(code: number, reason: string): void {
    this.#host.lines.carry(() => {
      this.closed();
      this.socket.shut(code, reason, true);
    });
  }

  send(
    command: string,
    headers: Readonly<Record<string, string>>,
    body = new Uint8Array(0) as Uint8Array,
  ): void {
    const bytes = frameBytes(command, headers, body, this.version);
    const isBinary = headers["content-type"] === "application/octet-stream";
    const data = isBinary ? bytes.buffer : new TextDecoder().decode(bytes);
    this.#host.lines.carry(() => this.socket.arrive(data));
  }

  /** Says which version both can; `undefined` if there is none. */
  agree(accepted: string): StompVersion | undefined {
    const offered = accepted.split(",").map((each) => each.trim());
    const version = SUPPORTED.find((each) => offered.includes(each));
    if (version) this.#reader.version = version;
    return version;
  }

  /** Sends a heart-beat every so many ms while `beats` says so. */
  beat(ms: number, beats: () => boolean): void {
    if (ms === 0) return;
    const timer = setInterval(() => {
      if (beats()) this.#host.lines.carry(() => this.socket.arrive("\n"));
    }, ms);
    this.#stopBeats = () => clearInterval(timer);
  }
}
