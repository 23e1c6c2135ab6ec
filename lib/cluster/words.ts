/** Bytes, or base64 on a line that knows JSON alone. */
export type Packed = Uint8Array | string;

/** An entry on its way. */
export type PackedEntry = readonly [number: number, bytes: Packed];

/** The words of a worker to the hub. */
export type ToHub =
  | { readonly kind: "hello" /** Arrives as it is on a line that knows bytes. */; readonly probe: unknown }
  | { readonly kind: "publish"; readonly id: number; readonly all: readonly Packed[] }
  | { readonly kind: "took"; readonly number: number }
  | { readonly kind: "since"; readonly id: number; readonly position: string; readonly limit: number }
  | { readonly kind: "ping" }
  | { readonly kind: "bye" };

/** The words of the hub to a worker. */
export type ToWorker =
  | { readonly kind: "welcome"; readonly epoch: string; readonly knowsBytes: boolean }
  | { readonly kind: "published"; readonly ids: readonly number[] }
  | {
      readonly kind: "entries";
      readonly lost: boolean;
      readonly entries: readonly PackedEntry[];
      /** Publications of this worker that are there now: one word for both is half of the system calls. */
      readonly published: readonly number[];
    }
  | {
      readonly kind: "page";
      readonly id: number;
      readonly entries: readonly PackedEntry[];
      readonly complete: boolean;
    }
  | { readonly kind: "pong" };

/** Ours among all that is said on a line of Node's. */
export interface Addressed<T> {
  /** The name of the backplane. */
  readonly expressStompBackplane: string;
  readonly word: T;
}

/** Gives what is ours, or nothing. */
export function addressed<T>(message: unknown): Addressed<T> | undefined {
  const isOurs = typeof message === "object" && message !== null && "expressStompBackplane" in message;
  return isOurs ? (message as Addressed<T>) : undefined;
}

/** A line of Node's to the other side. */
export interface Line<Out, In> {
  post(name: string, word: Out): void;
  /** Hears what comes, until the function it gives is called. */
  listen(hear: (name: string, word: In) => void): () => void;
  /** Hears, once, that nothing comes any more. */
  onEnd(ended: () => void): void;
}

export function pack(bytes: Uint8Array, knowsBytes: boolean): Packed {
  if (!knowsBytes) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
  // Of a part of some memory a thread would be given the whole, and the log would keep that.
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
}

export function unpack(packed: Packed): Buffer {
  if (typeof packed === "string") return Buffer.from(packed, "base64");
  return Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength);
}
