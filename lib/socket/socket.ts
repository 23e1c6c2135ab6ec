import type { Principal } from "../message/message.js";
import type { SharedMessage } from "./shared-message.js";

/**
 * One client's line, whatever carries it: all that the rest of the library
 * knows of transports.
 */
export interface Socket {
  /** `websocket`, or the SockJS transport that opened it: `xhr-streaming`, `xhr-polling`, `eventsource` … */
  readonly transport: string;
  /** Gives how many bytes accepted by `send` have not left the process, and has `drained` called when they have. */
  watchBuffer(): number;
  /** Whether more waits than a quarter of what may, for a transport that does not count in bytes alone. */
  readonly crowded?: boolean;
  /** How often as much as may wait has left, for a transport that does not count in bytes alone. */
  readonly delivered?: number;
  /**
   * Sends one message. SockJS knows text only, and ignores `binary`.
   * Nothing happens when the socket is closing or closed.
   */
  send(data: Uint8Array, binary: boolean): void;
  /** How many times as long as it is a message may be on the line, for a transport that escapes. Default 1. */
  readonly longest?: number;
  /** As `send`, where a transport can use what it made of the message for another socket. */
  sendShared?(message: SharedMessage): void;
  /** Stops reading, so that the client's own sending stalls. */
  pause(): void;
  /** Writes what no program of the client sees: a line that broke while we do not read is noticed by writing alone. */
  probe?(): void;
  resume(): void;
  /**
   * Closes after what was sent has left; a peer that does not answer is cut after some seconds.
   *
   * @param code a WebSocket close code
   * @param reason cut to 123 bytes of UTF-8
   */
  close(code: number, reason: string): void;
  /** Cuts at once. */
  terminate(): void;
  /** Stops the signs of life that the transport sends by itself: heart-beats of STOMP take their place. */
  disableHeartbeat?(): void;
  /**
   * Bounds how long a client's message may be, whole or not, for a transport
   * that waits for the rest of one. Beyond, `exceeded` is called, once, and the
   * line is cut when what that sent has left.
   *
   * @param bytes of what the client sends; `undefined` lifts the bound
   */
  boundMessages?(bytes: number | undefined, exceeded?: () => void): void;
  /** Names the one listener. Bytes that arrived before are handed over then. */
  listen(listener: SocketListener): void;
}

export interface SocketListener {
  /** Bytes in the order received, sliced as it happens. */
  data(chunk: Uint8Array): void;
  /** A probe was answered: the client's end of the line is there, whatever its program does. */
  answered?(): void;
  /** All that waited has left: called once at least after `watchBuffer`. */
  drained(): void;
  /**
   * Exactly once, last. 1006 when the line just broke.
   *
   * @param limit the one that the transport found the client has passed, if that ended it
   */
  socketClosed(code: number, reason: string, limit?: string): void;
}

/** How a client came to its socket. */
export interface Handshake {
  /** Its address, as `req.ip` of Express has it; over plain TCP that of the line's other end. */
  readonly address: string;
  /** Whether a page in a browser opened the socket. */
  readonly isPage: boolean;
  readonly user: Principal | undefined;
  /** Attributes that interceptors have put there for the session. */
  readonly attributes?: Map<string, unknown>;
}
