import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { BrokerNotAvailableError, type MessageDeliveryError, StompConversionError } from "../errors.js";
import { NO_PAYLOAD } from "../message/message.js";
import { NativeHeaders } from "../message/native-headers.js";
import { StompDecoder } from "../stomp/decoder.js";
import { encode, HEART_BEAT } from "../stomp/encoder.js";
import type { Frame } from "../stomp/frame.js";
import { agreeHeartBeat, HeartBeat, parseHeartBeat } from "../stomp/heart-beat.js";
import type { HeartBeatClock } from "../stomp/heart-beat-clock.js";
import type { StompVersion } from "../stomp/version.js";
import { brokerError } from "./broker-error.js";
import { LineWatch } from "./line-watch.js";
import { ReceiptBook } from "./receipt-book.js";
import type { BrokerAddress, RelaySettings } from "./stomp-broker-relay-options.js";

export interface BrokerConnectionOptions {
  readonly address: BrokerAddress;
  readonly settings: RelaySettings;
  readonly clock: HeartBeatClock;
  /** Those that may be spoken, lowest first. */
  readonly versions: readonly [StompVersion, ...StompVersion[]];
  /** Of CONNECT; version and heart-beat are added. */
  readonly headers: NativeHeaders;
  /** A MESSAGE; what follows waits for the promise, and the broker with it. Must not throw or reject. */
  message(frame: Frame): void | Promise<void>;
  /** The broker sent ERROR. Returns whether the connection may live on, if the broker leaves it open. */
  refused?(error: MessageDeliveryError, frame: Frame): boolean;
  /** It is over, once it was open and nobody here had ended it. Called once. */
  ended(error: Error): void;
}

/** How long the broker may take to say goodbye, in ms. */
const FAREWELL = 5_000;

const LIMITS = { headerCountLimit: 1_000, commandLimit: 32 };

/** One TCP connection to the broker that has said CONNECT: frames out, frames in, and every way it can end. */
export class BrokerConnection {
  readonly #options: BrokerConnectionOptions;
  readonly #socket: Socket;
  readonly #decoder: StompDecoder;
  readonly #receipts = new ReceiptBook();
  readonly #watch: LineWatch;
  /** Decoded, and not handed on because somebody is slow. */
  readonly #inbox: Frame[] = [];
  #state: "connecting" | "open" | "leaving" | "closed" = "connecting";
  #version: StompVersion;
  #held = false;
  #fault: Error | undefined;
  /** The ERROR that the connection outlived. */
  #complaint: Error | undefined;
  #heartBeat: HeartBeat | undefined;
  #corked = false;
  /** A frame went out that asked for no receipt. */
  #isSilent = false;
  #timer: NodeJS.Timeout | undefined;
  #opened: { resolve(): void; reject(error: Error): void } | undefined;
  #drained: { readonly promise: Promise<void>; resolve(): void } | undefined;
  #left: (() => void) | undefined;

  constructor(options: BrokerConnectionOptions) {
    const { address, settings, clock } = options;
    const { messageSizeLimit, headerBytesLimit, sendTimeLimit, receiptTimeout, tls } = settings;
    this.#options = options;
    this.#version = options.versions.at(-1) as StompVersion;
    this.#decoder = new StompDecoder({
      accepts: "server",
      ...LIMITS,
      messageSizeLimit,
      headerBytesLimit,
      headerLineLimit: headerBytesLimit,
    });
    this.#watch = new LineWatch({
      clock,
      limit: sendTimeLimit,
      shortest: Math.min(sendTimeLimit, receiptTimeout),
      waiting: () => this.#socket.writableLength,
      stuck: () => this.#end(this.#unavailable(`took nothing for ${sendTimeLimit} ms`)),
      tick: () => this.#receipts.check(clock.now, () => this.#unavailable("did not confirm in time")),
    });
    this.#socket = tls ? connectTls({ ...tls, ...address }) : connectTcp({ ...address });
    this.#socket.setNoDelay(true).setKeepAlive(true, 30_000);
  }

  /** Bytes that wait because the broker does not read. */
  get waiting(): number {
    return this.#socket.writableLength;
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
    const { settings, headers, versions } = this.#options;
    const connect: Frame = {
      command: "CONNECT",
      headers: NativeHeaders.of([
        ["accept-version", versions.join(",")],
        ["heart-beat", `${settings.systemHeartbeatSendInterval},${settings.systemHeartbeatReceiveInterval}`],
        ...headers,
      ]),
      body: NO_PAYLOAD,
    };
    const opened = new Promise<void>((resolve, reject) => {
      this.#opened = { resolve, reject };
    });
    this.#within(settings.connectTimeout, () =>
      this.#end(this.#unavailable("did not let us connect in time")),
    );
    this.#socket
      .once(settings.tls ? "secureConnect" : "connect", () => {
        this.#within(settings.connectedTimeout, () =>
          this.#end(this.#unavailable("sent no CONNECTED in time")),
        );
        try {
          void this.#write(connect);
        } catch (error) {
          this.#end(error as Error);
        }
      })
      .on("data", (chunk: Buffer) => this.#receive(chunk))
      .on("drain", () => this.#settleDrained())
      .on("error", (error) => this.#end(this.#unavailable(`cannot be reached: ${error.message}`, error)))
      .on("close", () => this.#end(this.#unavailable("closed the connection")));
    return opened;
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
   * @returns `confirmed` settles with the receipt; `written` as of `send`
   */
  request(
    { command, headers, body }: Frame,
    within = Number.POSITIVE_INFINITY,
  ): { readonly written: void | Promise<void>; readonly confirmed: Promise<void> } {
    if (this.#state !== "open") throw this.#unavailable("is not connected any more");

    const { id, confirmed } = this.#receipts.open(this.#options.clock.now + within);
    // Who awaits it hears of it; who does not must not end the process.
    confirmed.catch(() => {});
    return { written: this.#write({ command, headers: headers.with("receipt", id), body }), confirmed };
  }

  /** Says DISCONNECT, waits for the broker to confirm it, and closes. MESSAGE frames that come meanwhile are dropped. */
  async disconnect(): Promise<void> {
    if (this.#state === "open") {
      const { confirmed } = this.request({
        command: "DISCONNECT",
        headers: NativeHeaders.EMPTY,
        body: NO_PAYLOAD,
      });
      this.#state = "leaving";
      this.#within(FAREWELL, () => this.#end(this.#unavailable("did not answer DISCONNECT")));
      await confirmed.catch(() => {});
    }
    if (this.#state === "closed") return;

    const left = new Promise<void>((resolve) => {
      this.#left = resolve;
    });
    this.#state = "leaving";
    this.#socket.end();
    await left;
  }

  /** Cuts the line; nobody is told. */
  destroy(): void {
    this.#state = this.#state === "closed" ? "closed" : "leaving";
    this.#end(this.#unavailable("was left"));
  }

  #unavailable(text: string, cause: unknown = this.#complaint): BrokerNotAvailableError {
    const before = this.#complaint ? `, after ERROR: ${this.#complaint.message}` : "";
    return new BrokerNotAvailableError(`${this.name} ${text}${before}`, { cause });
  }

  #write(frame: Frame): void | Promise<void> {
    const bytes = encode(frame, this.#version);
    this.#heartBeat?.sent();
    this.#watch.given(bytes.length);
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

  /** What is written in one turn leaves together. */
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

  #receive(chunk: Buffer): void {
    this.#heartBeat?.received();
    try {
      this.#decoder.decode(chunk, (frame) => {
        // What follows in the same bytes is already written in the version that was agreed on.
        if (frame.command === "CONNECTED") this.#decoder.version = versionOf(frame);
        this.#inbox.push(frame);
      });
    } catch (error) {
      const { message } = error as Error;
      this.#fault = this.#unavailable(`sent what is no frame of a broker: ${message}`, error);
    }
    this.#drain();
  }

  #drain(): void {
    while (!this.#held && this.#state !== "closed") {
      const frame = this.#inbox.shift();
      if (frame) this.#take(frame);
      else break;
    }
    if (!this.#held && this.#fault) this.#end(this.#fault);
  }

  #take(frame: Frame): void {
    const { command, headers } = frame;
    if (command === "ERROR") this.#refused(frame);
    else if (this.#state === "connecting") this.#accepted(frame);
    else if (command === "RECEIPT") this.#receipts.confirm(headers.get("receipt-id") ?? "");
    else if (command === "MESSAGE") this.#deliver(frame);
    else this.#end(this.#unavailable(`sent a second ${command}`));
  }

  #accepted(frame: Frame): void {
    const { command, headers } = frame;
    const { versions, settings, clock } = this.#options;
    if (command !== "CONNECTED") {
      this.#end(this.#unavailable(`sent ${command} before CONNECTED`));
      return;
    }
    this.#version = versionOf(frame);
    if (!versions.includes(this.#version)) {
      this.#end(
        new StompConversionError(`The broker does not speak STOMP ${versions.join(" or ")}`, {
          code: "STOMP_VERSION",
        }),
      );
      return;
    }
    try {
      const { systemHeartbeatSendInterval: send, systemHeartbeatReceiveInterval: receive } = settings;
      this.#heartBeat = new HeartBeat({
        ...agreeHeartBeat(parseHeartBeat(headers.get("heart-beat")), [send, receive]),
        clock,
        send: () => void this.#socket.write(HEART_BEAT),
        expired: () => this.#end(this.#unavailable("has been silent for too long")),
      });
    } catch (error) {
      this.#end(this.#unavailable(`sent a CONNECTED that makes no sense: ${(error as Error).message}`));
      return;
    }
    clearTimeout(this.#timer);
    this.#state = "open";
    clock.watch(this.#heartBeat);
    clock.watch(this.#watch);
    this.#opened?.resolve();
    this.#opened = undefined;
  }

  #deliver(frame: Frame): void {
    if (this.#state !== "open") return;

    const room = this.#options.message(frame);
    if (!room) return;
    this.#held = true;
    this.#socket.pause();
    if (this.#heartBeat) this.#heartBeat.listening = false;
    void room.then(() => this.#release());
  }

  #release(): void {
    if (!this.#held) return;
    this.#held = false;
    if (this.#heartBeat) this.#heartBeat.listening = true;
    this.#drain();
    if (!this.#held) this.#socket.resume();
  }

  #refused(frame: Frame): void {
    const { headers } = this.#options;
    const passcode = headers.get("passcode") ?? "";
    const error = brokerError(frame, passcode === headers.get("login") ? "" : passcode);
    const receipt = frame.headers.get("receipt-id");
    if (receipt !== undefined) this.#receipts.fail(receipt, error);
    const livesOn = this.#state === "open" && this.#options.refused?.(error, frame) === true;
    if (!livesOn) {
      this.#end(error);
    } else if (receipt === undefined) {
      this.#complaint = error;
      const due = this.#options.clock.now + FAREWELL;
      // It may be about a frame that asked for none: then nobody is known to be guilty.
      if (this.#isSilent) this.#receipts.hurry(due);
      else this.#receipts.failSome(error, due);
    }
  }

  #within(ms: number, callback: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(callback, ms);
  }

  #end(error: Error): void {
    if (this.#state === "closed") return;

    const wasOpen = this.#state === "open";
    this.#state = "closed";
    clearTimeout(this.#timer);
    const { clock, ended } = this.#options;
    if (this.#heartBeat) clock.unwatch(this.#heartBeat);
    clock.unwatch(this.#watch);
    this.#inbox.length = 0;
    this.#socket.destroy();
    this.#receipts.failAll(error);
    this.#settleDrained();
    this.#opened?.reject(error);
    this.#left?.();
    // Who waits for a receipt hears first, and can tell its sender which one.
    if (wasOpen) setImmediate(() => ended(error));
  }
}

/** A broker that names none speaks 1.0; one that nobody asked for is found out by what it is. */
function versionOf({ headers }: Frame): StompVersion {
  return (headers.get("version") ?? "1.0") as StompVersion;
}
