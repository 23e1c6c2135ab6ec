import { ConfigurationError } from "../errors.js";
import { isCount, isTime, onlyKnown } from "./checks.js";

/**
 * Limits of what one client may cost. Beyond one: ERROR that names it, where a frame can still be sent, and the end.
 *
 * @example
 * ```ts
 * const transport: TransportOptions = {
 *   messageSizeLimit: 128 * 1024,
 *   sendTimeLimit: 20_000,
 *   inboundRateLimit: 50,
 * };
 * ```
 */
export interface TransportOptions {
  /** Bytes of one STOMP frame. Beyond: ERROR and close 1002; close 1009 for a far longer WebSocket message. @default 65536 */
  messageSizeLimit?: number;
  /** The same until CONNECT is accepted; never above `messageSizeLimit`. @default 16384 */
  connectSizeLimit?: number;
  /** Header lines of one frame, repeated ones counted. Beyond: ERROR and close 1002. @default 100 */
  headerCountLimit?: number;
  /** Bytes of one header line. Beyond: ERROR and close 1002. @default 8192 */
  headerLineLimit?: number;
  /** Bytes of one frame before its body. Beyond: ERROR and close 1002. @default 16384 */
  headerBytesLimit?: number;
  /** Characters of an id that a client chooses: of a subscription, a transaction, a receipt or a SEND. Beyond: ERROR and close 1002. @default 256 */
  idLengthLimit?: number;
  /** Milliseconds from the handshake to the client's first bytes. Beyond: ERROR and close 4500. @default 60000 */
  timeToFirstMessage?: number;
  /** Milliseconds from the client's first bytes to CONNECTED. Beyond: ERROR and close 4500. @default 30000 */
  connectTimeLimit?: number;
  /**
   * Frames of one session each second. Beyond: they wait, and after 10 s of that
   * ERROR and close 4500. Frames that a client left behind wait the same, and are
   * dropped after 10 s.
   *
   * @default Infinity
   */
  inboundRateLimit?: number;
  /** Milliseconds in which a client has to take what waits for it. Beyond: close 4500. @default 10000 */
  sendTimeLimit?: number;
  /** Bytes that may wait for a client that does not read. Beyond: `overflowStrategy`. @default 524288 */
  sendBufferSizeLimit?: number;
  /**
   * Decides, when more would wait for a client than `sendBufferSizeLimit`, whether
   * its session is closed with 4500, the oldest MESSAGE frames that wait are dropped, or all
   * but the newest of each destination, for each subscription; and then, if it is still too much, the oldest.
   *
   * @default "terminate"
   */
  overflowStrategy?: "terminate" | "drop-oldest" | "keep-latest";
  /** Open connections. Beyond: 503 to a handshake. @default Infinity */
  connectionLimit?: number;
  /** Open connections from one address, as Express's `req.ip` has it. Beyond: 503 to a handshake. @default Infinity */
  connectionsPerAddressLimit?: number;
  /** Open connections that are not CONNECTED. Beyond: 503 to a handshake. @default 10000 */
  unconnectedLimit?: number;
  /**
   * Compresses WebSocket messages of 1 KiB and more for clients that offer it. It
   * costs CPU, and some 70 KiB of each client that uses it; `messageSizeLimit` holds for what
   * comes out of a compressed message.
   *
   * @default false
   */
  perMessageDeflate?: boolean;
  /** Milliseconds the application's middleware has to decide about a WebSocket handshake. @default 10000 */
  handshakeTimeout?: number;
}

export type TransportSettings = Readonly<Required<TransportOptions>>;

export const TRANSPORT: TransportSettings = {
  messageSizeLimit: 64 * 1024,
  connectSizeLimit: 16 * 1024,
  headerCountLimit: 100,
  headerLineLimit: 8 * 1024,
  headerBytesLimit: 16 * 1024,
  idLengthLimit: 256,
  timeToFirstMessage: 60_000,
  connectTimeLimit: 30_000,
  inboundRateLimit: Number.POSITIVE_INFINITY,
  sendTimeLimit: 10_000,
  sendBufferSizeLimit: 512 * 1024,
  overflowStrategy: "terminate",
  connectionLimit: Number.POSITIVE_INFINITY,
  connectionsPerAddressLimit: Number.POSITIVE_INFINITY,
  unconnectedLimit: 10_000,
  perMessageDeflate: false,
  handshakeTimeout: 10_000,
};

const STRATEGIES: readonly string[] = ["terminate", "drop-oldest", "keep-latest"];

/** @throws ConfigurationError that names the option at fault */
export function transportSettings(given: TransportOptions = {}): TransportSettings {
  onlyKnown("transport", given, Object.keys(TRANSPORT));
  const settings = { ...TRANSPORT, ...given };
  for (const [name, value] of Object.entries(settings)) check(name as keyof TransportOptions, value);
  return settings;
}

function check(name: keyof TransportOptions, value: unknown): void {
  if (name === "overflowStrategy") {
    if (STRATEGIES.includes(value as string)) return;
    throw new ConfigurationError(
      `transport.overflowStrategy is ${String(value)}: it must be ${STRATEGIES.map((each) => `"${each}"`).join(" or ")}`,
    );
  }

  if (name === "perMessageDeflate") {
    if (typeof value === "boolean") return;
    throw new ConfigurationError(`transport.perMessageDeflate is ${String(value)}: it must be true or false`);
  }

  if (name === "handshakeTimeout") {
    if (isTime(value, 1)) return;
    throw new ConfigurationError(
      `transport.handshakeTimeout is ${String(value)}: it must be a whole number of ms from 1 to 2,147,483,647`,
    );
  }

  const endless = TRANSPORT[name] === Number.POSITIVE_INFINITY || name === "unconnectedLimit";
  if (endless && value === Number.POSITIVE_INFINITY) return;
  if (!isCount(value)) {
    const infinity = endless ? ", or Infinity" : "";
    throw new ConfigurationError(
      `transport.${name} is ${String(value)}: it must be a whole number above 0${infinity}`,
    );
  }
}
