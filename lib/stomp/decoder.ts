import { isUtf8 } from "node:buffer";
import { StompConversionError } from "../errors.js";
import { printable } from "../logger.js";
import { NO_PAYLOAD } from "../message/message.js";
import { NativeHeaders } from "../message/native-headers.js";
import { ByteGatherer } from "./byte-gatherer.js";
import { COMMANDS, type CommandRule, type StompSide } from "./command.js";
import { changeLimits, DECODER_LIMITS, type DecoderLimits, limitError } from "./decoder-limits.js";
import type { Frame } from "./frame.js";
import { contentLength, parseHeaders } from "./header-block.js";
import { type HeadReading, readSimpleHead } from "./simple-head.js";
import type { StompVersion } from "./version.js";

const LF = 10;
const CR = 13;

export interface StompDecoderOptions extends Partial<DecoderLimits> {
  /** The side whose commands are taken; the other's are an error. Default: client. */
  readonly accepts?: StompSide;
}

/**
 * Turns bytes, in whatever slices they arrive, into frames. After an error,
 * its own or its listener's, it ignores all that follows: nobody knows where
 * the next frame begins.
 */
export class StompDecoder implements HeadReading {
  /** Decides about escapes. May be set while a frame is handed over, and holds from the next one. */
  version: StompVersion = "1.0";

  readonly accepts: StompSide;
  #limits: DecoderLimits;
  #dead = false;

  #part: "eols" | "head" | "body" = "eols";
  #afterCr = false;
  /** Octets of an unfinished head or body that came with earlier chunks. */
  readonly #kept = new ByteGatherer();

  /** Known from the end of the command's line to the end of the frame. */
  #rule: CommandRule | undefined;
  #headLength = 0;
  #lineLength = 0;
  #lineCount = 0;
  /** All octets of the head, joined by OR: above 127 means that they are not ASCII. */
  #octets = 0;

  #headers = NativeHeaders.EMPTY;
  /** `undefined`: to the first NUL. */
  #bodyLength: number | undefined;

  constructor(options: StompDecoderOptions = {}) {
    this.accepts = options.accepts ?? "client";
    this.#limits = changeLimits(DECODER_LIMITS, options);
  }

  get limits(): DecoderLimits {
    return this.#limits;
  }

  /** Changes those limits that are named. May be set while a frame is handed over, and holds from the next one. */
  set limits(changes: Partial<DecoderLimits>) {
    this.#limits = changeLimits(this.#limits, changes);
  }

  /**
   * Hands over each frame as soon as its NUL is there, and those before a
   * malformed one before it throws. A body that lies in one chunk is a slice of
   * it, no copy.
   *
   * @throws {StompConversionError} at bytes that are no frame of the other side
   * @throws {LimitExceededError} at bytes that pass a limit
   */
  decode(chunk: Uint8Array, onFrame: (frame: Frame) => void): void {
    if (this.#dead) return;

    const bytes = Buffer.isBuffer(chunk)
      ? chunk
      : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    try {
      let at = 0;
      while (at < bytes.length) {
        if (this.#part === "eols") at = this.#skipEols(bytes, at);
        else if (this.#part === "head") at = this.#readHead(bytes, at);
        else at = this.#readBody(bytes, at, onFrame);
      }
    } catch (error) {
      this.#dead = true;
      this.#kept.take();
      throw error;
    }
  }

  #skipEols(bytes: Buffer, start: number): number {
    for (let at = start; at < bytes.length; at++) {
      const byte = bytes[at];
      if (this.#afterCr && byte !== LF) throw new StompConversionError("CR without LF before a frame");

      this.#afterCr = byte === CR;
      if (byte !== CR && byte !== LF) {
        this.#part = "head";
        return at;
      }
    }
    return bytes.length;
  }

  /** Looks at each octet once, and makes no text of them before the end of the command and of the headers. */
  #readHead(bytes: Buffer, start: number): number {
    if (this.#headLength === 0) {
      const head = readSimpleHead(bytes, start, this);
      if (head !== undefined) {
        this.#headLength = head.end - start;
        this.#endHead(head.rule, head.headers);
        return head.end;
      }
    }

    const limits = this.#limits;
    const headLimit =
      limits.headerBytesLimit < limits.messageSizeLimit ? "headerBytesLimit" : "messageSizeLimit";
    const headStart = start - this.#headLength;
    const headStop = headStart + limits[headLimit];
    let lineStart = start - this.#lineLength;
    let lineLimit: keyof DecoderLimits = this.#rule ? "headerLineLimit" : "commandLimit";
    let lineStop = lineStart + limits[lineLimit];
    let afterCr = this.#afterCr;
    let octets = this.#octets;
    let from = start;

    for (let at = start; at < bytes.length; at++) {
      const byte = bytes[at]!;
      if (byte > CR && !afterCr && at < lineStop && at < headStop) {
        octets |= byte;
        continue;
      }

      if (afterCr && byte !== LF) throw new StompConversionError("CR without LF in a header line");
      if (at >= headStop) throw limitError(limits, headLimit);
      if (byte === CR) {
        afterCr = true;
        continue;
      }
      if (byte !== LF) {
        if (at >= lineStop) throw limitError(limits, lineLimit);
        if (byte === 0) throw new StompConversionError("NUL before the blank line that ends the headers");
        octets |= byte;
        continue;
      }

      if (this.#rule === undefined) {
        this.#rule = this.#command(this.#text(bytes, from, at + 1, octets));
        lineLimit = "headerLineLimit";
        from = at + 1;
      } else if (at - lineStart === (afterCr ? 1 : 0)) {
        this.#headLength = at + 1 - headStart;
        const flat = parseHeaders(
          this.#text(bytes, from, at + 1, octets),
          this.#rule.escaped ? this.version : "1.0",
        );
        this.#endHead(this.#rule, NativeHeaders.fromFlat(flat));
        return at + 1;
      } else if (++this.#lineCount > limits.headerCountLimit) {
        throw limitError(limits, "headerCountLimit");
      }
      afterCr = false;
      lineStart = at + 1;
      lineStop = lineStart + limits[lineLimit];
    }

    this.#kept.append(bytes, { from, to: bytes.length, most: limits[headLimit] });
    this.#headLength = bytes.length - headStart;
    this.#lineLength = bytes.length - lineStart;
    this.#afterCr = afterCr;
    this.#octets = octets;
    return bytes.length;
  }

  /** The bytes that were kept and those that follow here, as text. */
  #text(bytes: Buffer, from: number, to: number, octets: number): string {
    if (this.#kept.length > 0) {
      this.#kept.append(bytes, { from, to, most: 0 });
      const whole = this.#kept.take();
      return text(whole, 0, whole.length, octets);
    }
    return text(bytes, from, to, octets);
  }

  #command(line: string): CommandRule {
    const command = line.endsWith("\r\n") ? line.slice(0, -2) : line.slice(0, -1);
    const rule = COMMANDS.get(command);
    if (rule === undefined) {
      const bom = command.startsWith("\ufeff") ? "Byte order mark before a command: " : "Unknown command: ";
      throw new StompConversionError(bom + printable(command));
    }
    if (rule.from !== this.accepts)
      throw new StompConversionError(`${command} is sent by the ${rule.from} only`);
    return rule;
  }

  #endHead(rule: CommandRule, headers: NativeHeaders): void {
    const length = contentLength(headers);
    if (this.#headLength + (length ?? 0) + 1 > this.#limits.messageSizeLimit) {
      throw limitError(this.#limits, "messageSizeLimit");
    }
    if (length && !rule.body) throw new StompConversionError(`${rule.command} carries no body`);

    this.#rule = rule;
    this.#headers = headers;
    this.#bodyLength = rule.body ? length : 0;
    this.#part = "body";
  }

  #readBody(bytes: Buffer, start: number, onFrame: (frame: Frame) => void): number {
    const rule = this.#rule!;
    const length = this.#bodyLength;
    const kept = this.#kept.length;
    const found = length === undefined ? bytes.indexOf(0, start) : start + length - kept;
    const end = found < 0 ? bytes.length : Math.min(found, bytes.length);

    const most = length ?? this.#limits.messageSizeLimit - this.#headLength - 1;
    if (kept + end - start > most) throw limitError(this.#limits, "messageSizeLimit");
    if (end === bytes.length) {
      this.#kept.append(bytes, { from: start, to: end, most });
      return end;
    }
    if (bytes[end] !== 0) {
      const fault = rule.body
        ? `No NUL after ${length} octets of content-length`
        : `${rule.command} carries no body`;
      throw new StompConversionError(fault);
    }

    // A tenth of a short frame's cost goes into making this view; a Buffer's costs twice that.
    let body: Uint8Array =
      end > start ? new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start) : NO_PAYLOAD;
    if (kept > 0) {
      this.#kept.append(bytes, { from: start, to: end, most });
      body = this.#kept.take();
    }
    const frame: Frame = { command: rule.command, headers: this.#headers, body };
    this.#reset();
    onFrame(frame);
    return end + 1;
  }

  #reset(): void {
    this.#part = "eols";
    this.#afterCr = false;
    this.#rule = undefined;
    this.#headLength = 0;
    this.#lineLength = 0;
    this.#lineCount = 0;
    this.#octets = 0;
    this.#headers = NativeHeaders.EMPTY;
  }
}

/** `octets`: all of them joined by OR, which tells plain ASCII without another look. */
function text(bytes: Buffer, from: number, to: number, octets: number): string {
  if (octets < 128) return bytes.toString("latin1", from, to);

  if (!isUtf8(bytes.subarray(from, to))) throw new StompConversionError("Text before the body is not UTF-8");
  return bytes.toString("utf8", from, to);
}
