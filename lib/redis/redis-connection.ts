/** A word of a command: the clients take bytes as buffers only. */
export type RedisWord = string | Buffer;

/** A connection of our own, made from the application's client. It is not opened again when it is lost. */
export interface RedisConnection {
  /** Resolves when it can be used. */
  open(): Promise<void>;
  /**
   * Sends a command. Strings of any length come back as buffers.
   *
   * @param key decides which node of a cluster it goes to
   */
  send(key: string, command: readonly [name: string, ...rest: RedisWord[]]): Promise<unknown>;
  /** Listens on a channel: from then on the connection is for that alone. */
  subscribe(channel: string, take: (bytes: Buffer) => void): Promise<void>;
  /** Asks for a sign of life, also of a connection that listens. */
  ping(): Promise<unknown>;
  /** Ends it at once: what waits for an answer rejects. */
  destroy(): void;
  /** Hears, once or more, that the connection is lost. */
  onLost(lost: (error: Error) => void): void;
}

export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
