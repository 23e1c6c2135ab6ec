/** The status with which a connection closed. */
export interface CloseStatus {
  /** A WebSocket close code. */
  readonly code: number;
  readonly reason: string;
  /** The limit that we found the client has passed, if that ended it. */
  readonly limit?: string;
}

const MAX_REASON_BYTES = 123;

/** Cuts a close reason to what a close frame holds, between characters. */
export function shortReason(reason: string): string {
  const bytes = Buffer.from(reason);
  if (bytes.length <= MAX_REASON_BYTES) return reason;

  let end = MAX_REASON_BYTES;
  while (((bytes[end] as number) & 0xc0) === 0x80) end--;
  return bytes.toString("utf8", 0, end);
}

/** ws closes with these codes, but reports 1006, since it reads no further. `undefined` when the line broke. */
export function faultOf(error: Error): CloseStatus | undefined {
  const { code } = error as NodeJS.ErrnoException;
  // zlib's: the client's message is not packed as it says.
  if (code?.startsWith("Z_") === true) return { code: 1007, reason: error.message };
  if (code?.startsWith("WS_ERR_") !== true) return undefined;

  switch (code) {
    case "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH":
    case "WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH":
      return { code: 1009, reason: error.message, limit: "messageSizeLimit" };
    case "WS_ERR_INVALID_UTF8":
      return { code: 1007, reason: error.message };
    case "WS_ERR_TOO_MANY_BUFFERED_PARTS":
      return { code: 1008, reason: error.message, limit: "maxFragments" };
    default:
      return { code: 1002, reason: error.message };
  }
}
