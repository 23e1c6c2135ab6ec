/** The events that a WebSocket's listener hears. */
export interface SocketEvent {
  readonly type: "open" | "message" | "close" | "error";
  readonly data?: string | ArrayBuffer;
  readonly code?: number;
  readonly reason?: string;
  readonly wasClean?: boolean;
}

type Listener = (event: never) => unknown;

/** The other end of a page's socket. */
export interface SocketPeer {
  /** The socket is open. */
  opened(): void;
  message(data: string | Uint8Array): void;
  closed(): void;
}

const CONNECTING = 0;
const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;

/** A WebSocket as pages know it, whose other end is in the same process: no URL, no port. */
export class PageSocket {
  readonly url = "ws://test-broker/";
  readonly extensions = "";
  readonly protocol: string;
  readonly bufferedAmount = 0;
  readonly CONNECTING = CONNECTING;
  readonly OPEN = OPEN;
  readonly CLOSING = CLOSING;
  readonly CLOSED = CLOSED;
  binaryType: "arraybuffer" = "arraybuffer";
  onopen: Listener | null | undefined = null;
  onmessage: Listener | null | undefined = null;
  onclose: Listener | null | undefined = null;
  onerror: Listener | null | undefined = null;
  readonly #peer: SocketPeer;
  readonly #listeners = new Map<string, Set<Listener>>();
  #state = CONNECTING;

  constructor(protocol: string, peer: SocketPeer) {
    this.protocol = protocol;
    this.#peer = peer;
    // The maker of the socket has yet to listen to it.
    later(() => {
      if (this.#state !== CONNECTING) return;
      this.#state = OPEN;
      this.#emit({ type: "open" });
      peer.opened();
    });
  }

  get readyState(): number {
    return this.#state;
  }

  addEventListener(type: string, listener: Listener): void {
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners.add(listener));
  }

  removeEventListener(type: string, listener: Listener): void {
    this.#listeners.get(type)?.delete(listener);
  }

  /** @throws Error when it is not open yet, as a browser's does */
  send(data: string | ArrayBuffer | Uint8Array): void {
    if (this.#state === CONNECTING) throw new Error("The WebSocket is not open yet");
    if (this.#state !== OPEN) return;
    const sent = typeof data === "string" ? data : new Uint8Array(data);
    later(() => this.#peer.message(sent));
  }

  close(code = 1000, reason = ""): void {
    if (this.#state >= CLOSING) return;
    this.#state = CLOSING;
    this.#peer.closed();
    later(() => this.shut(code, reason, true));
  }

  /** The peer sends. @internal */
  arrive(data: string | ArrayBuffer): void {
    if (this.#state === OPEN) this.#emit({ type: "message", data });
  }

  /** The peer closes; 1006 is a line that broke. @internal */
  shut(code: number, reason: string, wasClean: boolean): void {
    if (this.#state === CLOSED) return;
    this.#state = CLOSED;
    if (!wasClean) this.#emit({ type: "error" });
    this.#emit({ type: "close", code, reason, wasClean });
  }

  #emit(event: SocketEvent): void {
    const whole = Object.assign(event, { target: this, currentTarget: this });
    const own = this[`on${event.type}`];
    for (const listener of [own, ...(this.#listeners.get(event.type) ?? [])]) listener?.(whole as never);
  }
}

/** Not in the turn of the caller, as whatever comes over a network. Not by a timer: fake timers would hold it up. */
export function later(task: () => void): void {
  void Promise.resolve().then(task);
}
