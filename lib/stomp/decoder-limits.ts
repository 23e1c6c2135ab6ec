import { LimitExceededError } from "../errors.js";
import { TRANSPORT, type TransportSettings } from "../options/transport-options.js";

/** How much a peer may send before it is refused. All in octets, but for the number of header lines. */
export interface DecoderLimits
  extends Pick<
    TransportSettings,
    "messageSizeLimit" | "headerCountLimit" | "headerLineLimit" | "headerBytesLimit"
  > {
  /** Of the command. Default: 32. */
  readonly commandLimit: number;
}

export const DECODER_LIMITS: DecoderLimits = {
  messageSizeLimit: TRANSPORT.messageSizeLimit,
  commandLimit: 32,
  headerCountLimit: TRANSPORT.headerCountLimit,
  headerLineLimit: TRANSPORT.headerLineLimit,
  headerBytesLimit: TRANSPORT.headerBytesLimit,
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
