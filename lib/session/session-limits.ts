import type { TransportSettings } from "../options/transport-options.js";

/** The limits that a session watches itself; the others are its decoder's, or a handshake's. */
export type WatchedLimit = Extract<
  keyof TransportSettings,
  "timeToFirstMessage" | "connectTimeLimit" | "inboundRateLimit" | "sendTimeLimit" | "sendBufferSizeLimit"
>;
