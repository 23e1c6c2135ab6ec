import type { Message } from "../../message/message.js";

/** Which of the kept messages of a destination are wanted. */
export interface HistoryQuery {
  /** Those behind this position alone: a `message-id`, or the `position` of a page. Default: all that are kept. */
  readonly since?: string | undefined;
  /** How many messages at most; of more, the oldest, or with `reverse` the newest. Default: no limit but the history's. */
  readonly limit?: number | undefined;
  /** Whether the newest message comes first. Default: the oldest does. */
  readonly reverse?: boolean | undefined;
}

/** Kept messages of a destination, as of one moment. */
export interface HistoryPage {
  /** The position of that moment: whoever subscribes with `since:` this id misses nothing that came later. */
  readonly position: string;
  /** Whether the messages are all that there were behind `since`; `false` leaves them out. Without `since` it is true. */
  readonly recovered: boolean;
  /** With their `destination` and `messageId` among the headers. */
  readonly messages: readonly Message[];
}
