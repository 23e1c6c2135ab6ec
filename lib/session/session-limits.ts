/** What one session may cost; the options say more of each. */
export interface SessionLimits {
  readonly messageSizeLimit: number;
  readonly connectSizeLimit: number;
  readonly headerCountLimit: number;
  readonly headerLineLimit: number;
  readonly headerBytesLimit: number;
  readonly idLengthLimit: number;
  readonly timeToFirstMessage: number;
  readonly connectTimeLimit: number;
  readonly inboundRateLimit: number;
  readonly sendTimeLimit: number;
  readonly sendBufferSizeLimit: number;
  readonly overflowStrategy: "terminate" | "drop-oldest";
}

/** Those that a session watches itself; the others are its decoder's. */
export type WatchedLimit =
  | "timeToFirstMessage"
  | "connectTimeLimit"
  | "inboundRateLimit"
  | "sendTimeLimit"
  | "sendBufferSizeLimit";
