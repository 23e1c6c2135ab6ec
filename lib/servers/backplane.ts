/**
 * A road for bytes between the servers, in one order: what one publishes all
 * others hear, and perhaps itself.
 */
export interface Backplane {
  /** As logs name it. */
  readonly name: string;
  /** How many bytes this server can take from it at once. */
  readonly sizeLimit: number;
  /** Whether something can be published. */
  readonly isAvailable: boolean;
  /** Whether what others publish is held up here, so that nobody is silent. Default: it is not. */
  readonly isHeld?: boolean;
  /** Resolves when all who listen will hear it; rejects when nobody can know. */
  publish(bytes: Uint8Array): Promise<void>;
  /** Listens from now on, for good. Rejects when that is not possible. */
  subscribe(listener: BackplaneListener): Promise<void>;
}

export interface BackplaneListener {
  /** Gives what to wait for before more is given; it never rejects. */
  take(bytes: Uint8Array): void | Promise<void>;
  /** Whether what others publish is heard; told at first, and when it changes. A message that is published meanwhile is missed. */
  availability(isAvailable: boolean): void;
}
