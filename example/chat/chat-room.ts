/** A place to talk, found by its id. */
export interface ChatRoom {
  readonly id: string;
  readonly name: string;
  readonly openedBy: string;
  /** Milliseconds since 1970. */
  readonly openedAt: number;
}

export const ROOM_NAME_LIMIT = 50;
