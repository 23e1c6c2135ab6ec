import type { Clock } from "../../clock/clock.js";
import { type Octets, octetsOf } from "../../message/octets.js";
import { type CloseStatus, shortReason } from "../close-status.js";
import { SharedMessage } from "../shared-message.js";
import type { Socket, SocketListener } from "../socket.js";
import type { Carrier } from "./carrier.js";
import { Inlet } from "./inlet.js";
import { LifeSigns } from "./life-signs.js";
import { closeFrame, HEARTBEAT_FRAME, LONGEST, messageFrame, OPEN_FRAME } from "./sock-js-frame.js";
import type { SockJSSettings } from "./sock-js-options.js";
import { TextBytes } from "./text-bytes.js";

export interface HttpSocketOptions {
  /** The transport that opened it, by SockJS's name. */
  readonly transport: string;
  readonly settings: Pick<SockJSSettings, "heartbeatTime" | "disconnectDelay" | "httpMessageCacheSize">;
  readonly clock: Clock;
  limitExceeded(limit: string): void;
  /** From now on nobody comes back to it. Called once. */
  forget(): void;
}

const BROKEN: CloseStatus = { code: 1006, reason: "" };
const LIMIT_EXCEEDED = 4500;

/**
 * A SockJS session over HTTP: what it sends rides on one response after the other, and waits where there is
 * none. Its timers keep no process alive.
 */
export class HttpSocket implements Socket {
  readonly transport: string;
  readonly longest = LONGEST;
  readonly #options: HttpSocketOptions;
  readonly #text = new TextBytes();
  readonly #inlet = new Inlet();
  /** Those with bytes that may not have left yet. */
  readonly #carriers = new Set<Carrier>();
  /** The one that takes the next frame. */
  #carrier: Carrier | undefined;
  #listener: SocketListener | undefined;
  /** Messages that wait for a response to ride on, as they stand in JSON. */
  #messages: Octets[] = [];
  /** How many have waited and do so no more. */
  #deliveredMessages = 0;
  #waitingBytes = 0;
  #isOpen = false;
  /** Somebody has asked how much waits, and may wait for it to leave. */
  #isWatched = false;
  #hasHeartbeat = true;
  readonly #lifeSigns: LifeSigns;
  /** Runs while there is no response to ride on, and after `close`. */
  #stopLifetime = () => {};
  /** The status that `close` was called with. */
  #closing: CloseStatus | undefined;
  #closedWith: CloseStatus | undefined;

  constructor(options: HttpSocketOptions) {
    this.transport = options.transport;
    this.#options = options;
    this.#lifeSigns = new LifeSigns(options.clock, options.settings.heartbeatTime);
  }

  watchBuffer(): number {
    this.#isWatched = true;
    let bytes = this.#waitingBytes;
    for (const { response, waiting } of this.#carriers) bytes += waiting + response.writableLength;
    return bytes;
  }

  get crowded(): boolean {
    return this.#messages.length > this.#options.settings.httpMessageCacheSize / 4;
  }

  get delivered(): number {
    return this.#deliveredMessages / this.#options.settings.httpMessageCacheSize;
  }

  /** How many requests bring messages or wait for their turn. */
  get senders(): number {
    return this.#inlet.requests;
  }

  /** Takes a response to ride on; the first one opens the session. */
  carry(carrier: Carrier): void {
    this.#watch(carrier);
    if (this.#carrier !== undefined) {
      carrier.end(closeFrame(2010, "Another connection still open"));
    } else if (this.#closing !== undefined) {
      if (this.#messages.length === 0 || carrier.write(this.#waitingMessages(), this.#left)) {
        this.#sayClose(carrier, this.#closing);
      }
    } else {
      this.#stopLifetime();
      this.#carrier = carrier;
      if (this.#hasHeartbeat) this.#startLifeSigns();
      if (!this.#isOpen) {
        this.#isOpen = true;
        this.#write(OPEN_FRAME, carrier);
      } else if (this.#messages.length > 0) {
        this.#write(this.#waitingMessages(), carrier);
      }
    }
  }

  /** Calls `bring` when the requests before this one have brought theirs. */
  inTurn(bring: () => Promise<void>): Promise<void> {
    return this.#inlet.inTurn(bring);
  }

  /** Waits while the socket is paused. False when it is closing or closed. */
  async readable(): Promise<boolean> {
    await this.#inlet.passed();
    return !this.#isClosing;
  }

  receive(text: string): void {
    const bytes = this.#text.encode(text);
    if (bytes.length > 0) this.#listener?.data(bytes);
  }

  send(data: Uint8Array): void {
    this.sendShared(new SharedMessage(octetsOf(data), false));
  }

  sendShared(message: SharedMessage): void {
    if (this.#isClosing) return;

    if (this.#carrier !== undefined) {
      this.#wrote(this.#carrier.writeShared(message, this.#left));
    } else if (this.#messages.length < this.#options.settings.httpMessageCacheSize) {
      this.#messages.push(message.jsonText);
      this.#waitingBytes += message.length;
    } else {
      this.#overflow();
    }
  }

  pause(): void {
    if (!this.#isClosing) this.#inlet.shut();
  }

  resume(): void {
    if (this.#listener !== undefined) this.#inlet.open();
  }

  disableHeartbeat(): void {
    this.#hasHeartbeat = false;
    this.#lifeSigns.stop();
  }

  close(code: number, reason: string): void {
    if (this.#isClosing) return;

    const closing = { code, reason: shortReason(reason) };
    const carrier = this.#retire(closing);
    if (carrier !== undefined) this.#sayClose(carrier, closing);
  }

  /** Closes for something that the client has done. The listener hears of it later: it may be sending now. */
  fail(code: number, reason: string): void {
    this.close(code, reason);
    queueMicrotask(() => this.#end({ code, reason }));
  }

  terminate(): void {
    if (!this.#isClosing) this.#retire({ code: 1006, reason: "Connection cut" });
    this.#messages = [];
    this.#waitingBytes = 0;
    this.#cut();
    this.#end(BROKEN);
  }

  listen(listener: SocketListener): void {
    this.#listener = listener;
    const status = this.#closedWith;
    if (status === undefined) this.resume();
    else queueMicrotask(() => listener.socketClosed(status.code, status.reason));
  }

  get #isClosing(): boolean {
    return this.#closing !== undefined || this.#closedWith !== undefined;
  }

  #watch(carrier: Carrier): void {
    const { response } = carrier;
    this.#carriers.add(carrier);
    // A client that has left is noticed by `close`.
    response.on("error", () => {});
    response.once("close", () => {
      this.#carriers.delete(carrier);
      this.#left();
      if (carrier === this.#carrier) {
        this.#release();
        this.#expire();
      } else if (this.#carrier === undefined && this.#carriers.size === 0 && !this.#isClosing) {
        // Not before: a client that reads slowly cannot come back until all of it has arrived.
        this.#startLifetime();
      }
    });
  }

  /** Something has left. */
  readonly #left = (): void => {
    if (!this.#isWatched) return;

    this.#isWatched = false;
    this.#listener?.drained();
  };

  #write(frame: Octets, carrier: Carrier): void {
    this.#wrote(carrier.write(frame, this.#left));
  }

  /** @param mayFollow whether the response takes another frame */
  #wrote(mayFollow: boolean): void {
    if (mayFollow) this.#lifeSigns.wrote();
    else this.#release();
  }

  #waitingMessages(): Octets {
    const frame = messageFrame(this.#messages);
    this.#deliveredMessages += this.#messages.length;
    this.#messages = [];
    this.#waitingBytes = 0;
    return frame;
  }

  #release(): void {
    this.#carrier = undefined;
    this.#lifeSigns.stop();
  }

  #startLifeSigns(): void {
    this.#lifeSigns.start(() => {
      if (this.#carrier !== undefined) this.#write(HEARTBEAT_FRAME, this.#carrier);
    });
  }

  /** Sends no more but what waits, and why. Returns what could carry that. */
  #retire(closing: CloseStatus): Carrier | undefined {
    this.#closing = closing;
    this.#startLifetime();
    const carrier = this.#carrier;
    this.#release();
    this.#inlet.open();
    return carrier;
  }

  #sayClose(carrier: Carrier, status: CloseStatus): void {
    carrier.response.once("close", () => this.#end(status));
    carrier.end(closeFrame(status.code, status.reason));
  }

  /** The client does not come for what it is sent. */
  #overflow(): void {
    const { httpMessageCacheSize } = this.#options.settings;
    this.fail(LIMIT_EXCEEDED, `httpMessageCacheSize of ${httpMessageCacheSize} messages exceeded`);
    this.#options.limitExceeded("httpMessageCacheSize");
  }

  #startLifetime(): void {
    const { clock, settings } = this.#options;
    this.#stopLifetime();
    this.#stopLifetime = clock.after(settings.disconnectDelay, () => this.#expire());
  }

  #expire(): void {
    this.#stopLifetime();
    this.#cut();
    this.#end(this.#closing ?? BROKEN);
    this.#options.forget();
  }

  #cut(): void {
    for (const { response } of this.#carriers) response.destroy();
    this.#carriers.clear();
  }

  #end(status: CloseStatus): void {
    if (this.#closedWith !== undefined) return;

    this.#closedWith = status;
    this.#inlet.open();
    this.#listener?.socketClosed(status.code, status.reason);
  }
}
