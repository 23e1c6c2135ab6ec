import { LimitExceededError } from "../errors.js";

/** How much a peer may send before it is refused. */
export interface DecoderLimits {
  /** Octets of a whole frame, from the command to the NUL. Default: 65,536. */
  readonly messageSizeLimit: number;
  /** Octets of the command. Default: 32. */
  readonly commandLimit: number;
  /** Header lines, repeated ones counted. Default: 100. */
  readonly headerCountLimit: number;
  /** Octets of a header line without its EOL. Default: 8,192. */
  readonly headerLineLimit: number;
  /** Octets from the command to the blank line, EOLs counted. Default: 16,384. */
  readonly headerBytesLimit: number;
}

export const DECODER_LIMITS: DecoderLimits = {
  messageSizeLimit: 65_536,
  commandLimit: 32,
  headerCountLimit: 100,
  headerLineLimit: 8_192,
  headerBytesLimit: 16_384,
};

/** The same limits, but for those that `changes` names. */
export function changeLimits(limits: DecoderLimits, changes: Partial<DecoderLimits>): DecoderLimits {
  return {
    messageSizeLimit: changes.messageSizeLimit ?? limits.messageSizeLimit,
    commandLimit: changes.commandLimit ?? limits.commandLimit,
    headerCountLimit: changes.headerCountLimit ?? limits.headerCountLimit,
    headerLineLimit: changes.headerLineLimit ?? limits.headerLineLimit,
    headerBytesLimit: changes.headerBytesLimit ?? limits.headerBytesLimit,
  };
}

/** The error of a frame that passes a limit. */
export function limitError(limits: DecoderLimits, name: keyof DecoderLimits): LimitExceededError {
  return new LimitExceededError("Frame", name, limits[name]);
}
