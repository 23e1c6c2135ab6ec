import type { TickingClock } from "../../clock/ticking-clock.js";
import {
  BrokerNotAvailableError,
  type MessageDeliveryError,
  type StompConversionError,
} from "../../errors.js";
import { NO_PAYLOAD } from "../../message/message.js";
import { NativeHeaders } from "../../message/native-headers.js";
import { encode, HEART_BEAT } from "../../stomp/encoder.js";
import type { Frame } from "../../stomp/frame.js";
import { HeartBeat } from "../../stomp/heart-beat.js";
import type { StompVersion } from "../../stomp/version.js";
import type { BrokerAddress } from "../relay-settings.js";
import type { BrokerConnections } from "./broker-connections.js";
import { brokerError, isAboutNothing } from "./broker-error.js";
import { agreement, type BrokerHandshakeOptions, connectFrame } from "./broker-handshake.js";
import { BrokerLine } from "./broker-line.js";
import { FrameInbox } from "./frame-inbox.js";
import { ReceiptBook } from "./receipt-book.js";

export interface BrokerConnectionOptions extends BrokerHandshakeOptions {
  readonly address: BrokerAddress;
  readonly clock: TickingClock;
  readonly connections: BrokerConnections;
  /** A MESSAGE; what follows waits for the promise, and the broker with it. Must not throw or reject. */
  message(frame: Frame): void | Promise<void>;
  /** The broker sent ERROR. Returns whether the connection may live on, if the broker leaves it open. */
  refused?(error: MessageDeliveryError, frame: Frame): boolean;
  /** It is over, once it was open and nobody here had ended it. Called once. */
  ended(error: Error): void;
}

/** How long the broker may take to say goodbye, or to confirm what an ERROR may have been about, in ms. */
const PATIENCE = 5_000;

const DISCONNECT: Frame = { command: "DISCONNECT", headers: NativeHeaders.EMPTY, body: NO_PAYLOAD };

/** One TCP connection to the broker that has said CONNECT: frames out, frames in, and every way it can end. */
export class BrokerConnection {
  readonly #options: BrokerConnectionOptions;
  readonly #line: BrokerLine;
  readonly #inbox: FrameInbox;
  readonly #receipts = new ReceiptBook();
  #state: "connecting" | "open" | "leaving" | "closed" = "connecting";
  #version: StompVersion;
  /** The ERROR that the connection outlived. */
  #complaint: Error | undefined;
  #heartBeat: HeartBeat | undefined;
  /** A frame went out that asked for no receipt. */
  #isSilent = false;
  #stopTimer = () => {};
  #opened: { resolve(): void; reject(error: Error): void } | undefined;
  #left: (() => void) | undefined;

  constructor(options: BrokerConnectionOptions) {
    const { address, settings, clock, versions } = options;
    this.#options = options;
    this.#version = versions.at(-1) as StompVersion;
    this.#inbox = new FrameInbox({
      settings,
      take: (frame) => this.#take(frame),
      hold: (isHeld) => this.#hold(isHeld),
      spoiled: (error) => this.fail(`sent what is no frame of a broker: ${error.message}`, error),
    });
    this.#line = new BrokerLine({
      address,
      settings,
      clock,
      connected: () => this.#sayConnect(),
      received: (chunk) => {
        this.#heartBeat?.received();
        this.#inbox.receive(chunk);
      },
      failed: (what, cause) => this.fail(what, cause),
      tick: () => this.#receipts.check(clock.now, () => this.#unavailable("did not confirm in time")),
    });
  }

  /** Bytes that wait because the broker does not read. */
  get waiting(): number {
    return this.#line.waiting;
  }

  /** How many receipts have not come. */
  get unconfirmed(): number {
    return this.#receipts.size;
  }

  /** The broker, as sentences about it begin. */
  get name(): string {
    const { host, port } = this.#options.address;
    return `The broker at ${host}:${port}`;
  }

  get isOpen(): boolean {
    return this.#state === "open";
  }

  /** Settles when CONNECTED came. @throws MessageDeliveryError when it does not; StompConversionError in a wrong version */
  connect(): Promise<void> {
    this.#within(this.#options.settings.connectTimeout, "did not let us connect in time");
    return new Promise<void>((resolve, reject) => {
      this.#opened = { resolve, reject };
    });
  }

  /** Sends a frame; a promise is to wait for before the next one, and never rejects. */
  send(frame: Frame): void | Promise<void> {
    if (this.#state !== "open") throw this.#unavailable("is not connected any more");
    this.#isSilent = true;
    return this.#write(frame);
  }

  /**
   * Sends a frame and asks for a receipt.
   *
   * @param within milliseconds in which it must come; without end by default
   * @param came hears of it before any frame behind it is looked at
   * @returns `confirmed` settles with the receipt; `written` as of `send`
   */
  request(
    { command, headers, body }: Frame,
    within = Number.POSITIVE_INFINITY,
    came?: () => void,
  ): { readonly written: void | Promise<void>; readonly confirmed: Promise<void> } {
    if (this.#state !== "open") throw this.#unavailable("is not connected any more");
    const { id, confirmed } = this.#receipts.open(this.#options.clock.now + within, came);
    // A caller that awaits it hears of it; a caller that does not must not end the process.
    confirmed.catch(() => {});
    return { written: this.#write({ command, headers: headers.with("receipt", id), body }), confirmed };
  }

  /** Says DISCONNECT, waits for the broker to confirm it, and closes. MESSAGE frames that come meanwhile are dropped. */
  async disconnect(): Promise<void> {
    if (this.#state === "open") {
      const { confirmed } = this.request(DISCONNECT);
      this.#state = "leaving";
      this.#within(PATIENCE, "did not answer DISCONNECT");
      await confirmed.catch(() => {});
    }
    if (this.#state === "closed") return;

    const left = new Promise<void>((resolve) => {
      this.#left = resolve;
    });
    this.#state = "leaving";
    this.#line.end();
    await left;
  }

  /** Cuts the line; nobody is told. */
  destroy(): void {
    if (this.#state !== "closed") this.#state = "leaving";
    this.fail("was left");
  }

  /** Ends it as lost; `what` goes on a sentence about the broker. */
  fail(what: string, cause?: Error): void {
    this.#end(this.#unavailable(what, cause));
  }

  #unavailable(text: string, cause: unknown = this.#complaint): BrokerNotAvailableError {
    const before = this.#complaint ? `, after ERROR: ${this.#complaint.message}` : "";
    return new BrokerNotAvailableError(`${this.name} ${text}${before}`, { cause });
  }

  #write(frame: Frame): void | Promise<void> {
    return this.#line.write(encode(frame, this.#version));
  }

  #sayConnect(): void {
    this.#within(this.#options.settings.connectedTimeout, "sent no CONNECTED in time");
    try {
      void this.#write(connectFrame(this.#options));
    } catch (error) {
      this.#end(error as Error);
    }
  }

  /** While we do not read from the broker, its silence is ours. */
  #hold(isHeld: boolean): void {
    if (this.#heartBeat) this.#heartBeat.listening = !isHeld;
    if (isHeld) this.#line.pause();
    else this.#line.resume();
  }

  #take(frame: Frame): void | Promise<void> {
    const { command, headers } = frame;
    if (command === "ERROR") {
      if (!isAboutNothing(frame)) this.#refused(frame);
    } else if (this.#state === "connecting") this.#accepted(frame);
    else if (command === "RECEIPT") this.#receipts.confirm(headers.get("receipt-id") ?? "");
    else if (command !== "MESSAGE") this.fail(`sent a second ${command}`);
    else if (this.#state === "open") return this.#options.message(frame);
  }

  #accepted(frame: Frame): void {
    const { clock } = this.#options;
    try {
      const { version, heartBeat } = agreement(frame, this.#options);
      this.#version = version;
      this.#heartBeat = new HeartBeat({
        ...heartBeat,
        clock,
        given: () => this.#line.given,
        send: () => void this.#line.write(HEART_BEAT),
        expired: () => this.fail("has been silent for too long"),
      });
    } catch (thrown) {
      const error = thrown as StompConversionError;
      if (error.code === "STOMP_VERSION") this.#end(error);
      else this.fail(`did not let us in: ${error.message}`, error);
      return;
    }
    this.#stopTimer();
    this.#state = "open";
    this.#options.connections.opened(this);
    clock.watch(this.#heartBeat);
    this.#opened?.resolve();
    this.#opened = undefined;
  }

  #refused(frame: Frame): void {
    const error = brokerError(frame, this.#options.headers);
    const receipt = frame.headers.get("receipt-id");
    if (receipt !== undefined) this.#receipts.fail(receipt, error);
    const livesOn = this.#state === "open" && this.#options.refused?.(error, frame) === true;
    if (!livesOn) {
      this.#end(error);
    } else if (receipt === undefined && !frame.headers.has("subscription")) {
      this.#complaint = error;
      const due = this.#options.clock.now + PATIENCE;
      // It may be about a frame that asked for none: then nobody is known to be guilty.
      if (this.#isSilent) this.#receipts.hurry(due);
      else this.#receipts.failSome(error, due);
    }
  }

  /** Ends the connection then, unless something else happens. */
  #within(ms: number, what: string): void {
    this.#stopTimer();
    this.#stopTimer = this.#options.clock.after(ms, () => this.fail(what), true);
  }

  #end(error: Error): void {
    if (this.#state === "closed") return;
    const wasOpen = this.#state === "open";
    this.#state = "closed";
    this.#stopTimer();
    const { clock, connections, ended } = this.#options;
    connections.closed(this, wasOpen);
    if (this.#heartBeat) clock.unwatch(this.#heartBeat);
    this.#inbox.clear();
    this.#line.destroy();
    this.#receipts.failAll(error);
    this.#opened?.reject(error);
    this.#left?.();
    // Senders that wait for a receipt hear first, and know which frame was lost.
    if (wasOpen) setImmediate(() => ended(error));
  }
}
