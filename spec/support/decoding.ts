import { expect } from "chai";
import { LimitExceededError, StompConversionError } from "#lib/errors.js";
import { StompDecoder, type StompDecoderOptions } from "#lib/stomp/decoder.js";
import type { Frame } from "#lib/stomp/frame.js";
import type { StompVersion } from "#lib/stomp/version.js";
import { wire } from "./wire.js";

/** A frame in plain data, fit for `deep.equal`. */
export interface PlainFrame {
  readonly command: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
}

export interface Decoded {
  readonly frames: PlainFrame[];
  /** What stopped the decoder. */
  readonly error: Error | undefined;
}

export interface DecodeOptions extends StompDecoderOptions {
  readonly version?: StompVersion;
}

/** Decodes chunks with a decoder of their own, until one throws. Default: version 1.2, frames of clients. */
export function decodeAll(chunks: Iterable<Uint8Array>, options: DecodeOptions = {}): Decoded {
  const decoder = new StompDecoder(options);
  decoder.version = options.version ?? "1.2";
  const frames: PlainFrame[] = [];
  try {
    for (const chunk of chunks) decoder.decode(chunk, (frame) => frames.push(plain(frame)));
  } catch (error) {
    return { frames, error: error as Error };
  }
  return { frames, error: undefined };
}

export function plain(frame: Frame): PlainFrame {
  const body = Buffer.from(frame.body).toString("latin1");
  return { command: frame.command, headers: [...frame.headers], body };
}

/** The same bytes, each in a chunk of its own. */
export function drip(bytes: Uint8Array): Uint8Array[] {
  return Array.from(bytes, (byte) => Uint8Array.of(byte));
}

export const HELLO = wire`
  SEND
  destination:/a

  hello^@
`;
export const HELLO_FRAME: PlainFrame = { command: "SEND", headers: [["destination", "/a"]], body: "hello" };

/** Whether it is an error that a decoder throws. */
export function isRefusal(error: unknown): boolean {
  return error instanceof StompConversionError || error instanceof LimitExceededError;
}

/** The frames before the error, and the error, in one chunk and byte by byte alike. */
export function refusal(bytes: Uint8Array, options?: DecodeOptions): Error {
  const whole = decodeAll([Buffer.concat([HELLO, bytes])], options);
  const dripped = decodeAll(drip(Buffer.concat([HELLO, bytes])), options);
  expect(whole.error, "whole").to.satisfy(isRefusal);
  expect(dripped.error?.message, "byte by byte").to.equal(whole.error?.message);
  expect(whole.frames).to.deep.equal([HELLO_FRAME]);
  expect(dripped.frames).to.deep.equal([HELLO_FRAME]);
  return whole.error as Error;
}

/** The one frame in these bytes. */
export function only(bytes: Uint8Array, options?: DecodeOptions) {
  const { frames, error } = decodeAll([bytes], options);
  expect(error).to.equal(undefined);
  expect(frames).to.have.length(1);
  return frames[0]!;
}
