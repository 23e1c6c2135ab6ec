import type { Message } from "./message.js";

/** The class a payload is wanted as, from the compiler's metadata; `undefined` or `Object` when it does not say. */
export type PayloadTarget = (abstract new (...args: never) => unknown) | undefined;

/** Whether the compiler could not say: it writes `Object` where a type is an interface, a union or unknown. */
export function isOpen(target: PayloadTarget): boolean {
  return target === undefined || target === Object;
}

/** A payload as it is sent: its bytes, and what they are. */
export interface ConvertedPayload {
  readonly payload: Uint8Array;
  readonly contentType: string;
}

/**
 * Turns payloads into values and values into payloads. The first converter that answers wins.
 *
 * @example
 * ```ts
 * const dates: MessageConverter = {
 *   fromMessage: ({ payload }, target) => (target === Date ? new Date(Buffer.from(payload).toString()) : undefined),
 *   toPayload: (value) =>
 *     value instanceof Date ? { payload: Buffer.from(value.toISOString()), contentType: "text/plain" } : undefined,
 * };
 * ```
 */
export interface MessageConverter {
  /**
   * Gives the payload as a value, or `undefined` when it is not this converter's.
   *
   * @throws MessageConversionError when it is, and is malformed
   */
  fromMessage(message: Message, target: PayloadTarget): unknown;

  /** Gives a value as bytes, or `undefined` when it, or the content type asked for, is not this converter's. */
  toPayload(value: unknown, contentType: string | undefined): ConvertedPayload | undefined;
}
