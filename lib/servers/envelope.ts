/** A message of one server to the others: something JSON can write, and bytes beside it. */
export interface Said<T> {
  readonly content: T;
  readonly payload: Uint8Array;
}

/**
 * The content of a sealed message. Servers of a later release may put in what this
 * one does not know: then none of these is there.
 */
export interface Envelope<T> {
  readonly greeting?: Greeting;
  readonly bye?: true;
  readonly content?: T;
}

/** A sign of life: the servers that the sender has heard. One that finds itself named knows that it is no recording. */
export interface Greeting {
  /** To whom the sender listens, and the number of what it heard last of each. */
  readonly hears: Readonly<Record<string, number>>;
  /** The servers that are there, and have not named the sender yet. */
  readonly sees: readonly string[];
  /** The sender has just come, or was away: it wants to hear whether others hear it. */
  readonly asks: boolean;
  /** How many bytes the sender can take at once. */
  readonly takes: number;
}

const LENGTH = 4;

/** Writes the length of the JSON, the JSON, and the payload. */
export function encodeEnvelope<T>(envelope: Envelope<T>, payload: Uint8Array): Buffer {
  const json = Buffer.from(JSON.stringify(envelope));
  const length = Buffer.alloc(LENGTH);
  length.writeUInt32BE(json.length);
  return Buffer.concat([length, json, payload]);
}

export function decodeEnvelope<T>(bytes: Buffer): {
  readonly envelope: Envelope<T>;
  readonly payload: Buffer;
} {
  const end = LENGTH + bytes.readUInt32BE(0);
  return {
    envelope: JSON.parse(bytes.toString("utf8", LENGTH, end)) as Envelope<T>,
    payload: bytes.subarray(end),
  };
}
