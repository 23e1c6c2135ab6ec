/** Counts of sessions and of their frames since the start. */
export interface MessagingStats {
  /** Open connections, and those of them that are CONNECTED. */
  readonly connections: number;
  readonly sessions: number;
  /** Connections since the start. */
  readonly connectionsOpened: number;
  /** Client frames that were decoded, well-formed ones only. */
  readonly framesReceived: number;
  /** MESSAGE frames that were written, those included that wait. */
  readonly messagesSent: number;
  /** Of those, the ones that `overflowStrategy: "drop-oldest"` took back. */
  readonly messagesDropped: number;
  /** Those that the broker lost, as `messageDropped` tells one by one. */
  readonly messagesDroppedByBroker: number;
  readonly errorsSent: number;
  /** SENDs that were not handled, since one with their `dedup-id` was: `clientInboundChannel.deduplicate`. */
  readonly repeatedSends: number;
  /** Ids of SENDs that were forgotten before their five minutes were over, for newer ones. */
  readonly forgottenSends: number;
  /** How often clients that came back were given all that they had missed, or had to load anew: `recovered` tells one by one. */
  readonly recoveries: { readonly recovered: number; readonly refused: number };
  /** Streams with `@Detached`: those that run now, and since the start those that have ended whole, or otherwise. */
  readonly detached: { readonly running: number; readonly ended: number; readonly failed: number };
  /** How often handshakes were refused, by reason: `handshakeRefused` tells more of each. */
  readonly handshakesRefused: Readonly<Record<string, number>>;
  /** How often each limit was passed, by the option's name. */
  readonly limitsExceeded: Readonly<Record<string, number>>;
}

/** Counts for all sessions. */
export class SessionStats {
  connectionsOpened = 0;
  framesReceived = 0;
  messagesSent = 0;
  messagesDropped = 0;
  messagesDroppedByBroker = 0;
  errorsSent = 0;
  repeatedSends = 0;
  forgottenSends = 0;
  recovered = 0;
  notRecovered = 0;
  detachedStarted = 0;
  detachedEnded = 0;
  detachedFailed = 0;
  readonly #limitsExceeded = new Map<string, number>();
  readonly #handshakesRefused = new Map<string, number>();

  limitExceeded(limit: string): void {
    countOne(this.#limitsExceeded, limit);
  }

  handshakeRefused(reason: string): void {
    countOne(this.#handshakesRefused, reason);
  }

  /** The counts as they are now. */
  snapshot(connections: number, sessions: number): MessagingStats {
    return {
      connections,
      sessions,
      connectionsOpened: this.connectionsOpened,
      framesReceived: this.framesReceived,
      messagesSent: this.messagesSent,
      messagesDropped: this.messagesDropped,
      messagesDroppedByBroker: this.messagesDroppedByBroker,
      errorsSent: this.errorsSent,
      repeatedSends: this.repeatedSends,
      forgottenSends: this.forgottenSends,
      detached: {
        running: this.detachedStarted - this.detachedEnded - this.detachedFailed,
        ended: this.detachedEnded,
        failed: this.detachedFailed,
      },
      recoveries: { recovered: this.recovered, refused: this.notRecovered },
      handshakesRefused: Object.fromEntries(this.#handshakesRefused),
      limitsExceeded: Object.fromEntries(this.#limitsExceeded),
    };
  }
}

function countOne(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
