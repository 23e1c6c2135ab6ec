import { NativeHeaders } from "../message/native-headers.js";
import { COMMANDS, type CommandRule, type StompSide } from "./command.js";
import type { DecoderLimits } from "./decoder-limits.js";
import type { StompVersion } from "./version.js";

const LF = 10;
const CR = 13;
const COLON = 58;
const BACKSLASH = "\\";
/** SEND is the first one of its length. */
const RULES = [...COMMANDS.values()];

export interface SimpleHead {
  readonly rule: CommandRule;
  readonly headers: NativeHeaders;
  /** Where the body begins. */
  readonly end: number;
}

export interface HeadReading {
  readonly accepts: StompSide;
  readonly limits: DecoderLimits;
  readonly version: StompVersion;
}

/**
 * Reads the head of a frame as nearly all are: whole in these bytes, ASCII, LF
 * at the end of each line, no escapes, no fault. `undefined` for all others,
 * faulty ones among them, which the decoder reads with care.
 *
 * One pass over the bytes, one text made of them: where header names and
 * values begin and end is noted, and they are cut out when somebody asks.
 */
export function readSimpleHead(bytes: Buffer, start: number, reading: HeadReading): SimpleHead | undefined {
  const { headerBytesLimit, messageSizeLimit, headerLineLimit, headerCountLimit, commandLimit } =
    reading.limits;
  const stop = Math.min(bytes.length, start + headerBytesLimit, start + messageSizeLimit);
  const marks: number[] = [];
  let commandLength = 0;
  let octets = 0;

  for (let at = start; ; at++) {
    const lineStart = at;
    let colon = 0;
    let byte = 0;
    for (; at < stop; at++) {
      byte = bytes[at] as number;
      if (byte > COLON) octets |= byte;
      else if (byte === COLON) colon ||= at;
      else if (byte <= CR) break;
    }
    if (at === stop || byte !== LF) return undefined;

    if (at === lineStart) {
      if (octets > 127 || marks.length > 3 * headerCountLimit) return undefined;

      const text = bytes.toString("latin1", start, at);
      const rule = ruleOf(text, commandLength);
      if (rule?.from !== reading.accepts) return undefined;
      if (rule.escaped && reading.version !== "1.0" && text.includes(BACKSLASH)) return undefined;
      return { rule, headers: NativeHeaders.fromMarks(text, marks), end: at + 1 };
    }
    if (commandLength === 0) {
      commandLength = at - start;
      if (commandLength > commandLimit) return undefined;
    } else {
      if (colon <= lineStart || at - lineStart > headerLineLimit) return undefined;
      marks.push(lineStart - start, colon - start, at - start);
    }
  }
}

/** Cheaper than to cut the command out, and to find it in a Map. */
function ruleOf(text: string, commandLength: number): CommandRule | undefined {
  for (const rule of RULES) {
    if (rule.command.length === commandLength && text.startsWith(rule.command)) return rule;
  }
  return undefined;
}
