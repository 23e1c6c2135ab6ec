import type { BrokerStats, MessagingStats } from "../observe/stats.js";
import { COMMANDS, type StompCommand, type StompSide } from "../stomp/command.js";
import { Counts } from "./counts.js";

/** The codes that connections close with by RFC 6455, by SockJS, and by us; a client may say any other. */
const CLOSE_CODES = [
  1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 1015, 2010, 3000, 4500,
].map(String);

/** The part of the sessions in `messaging.stats()`. */
export type SessionCounts = Omit<MessagingStats, keyof BrokerStats | "controllers" | "channels" | "servers">;

/** The counts that each session has of itself; it is asked for them when they are wanted. */
export interface CountedSession {
  readonly transport: string;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly framesWaiting: number;
}

/** Counts for all sessions. */
export class SessionStats {
  connectionsOpened = 0;
  messagesSent = 0;
  messagesDropped = 0;
  messagesDroppedByBroker = 0;
  repeatedSends = 0;
  forgottenSends = 0;
  recovered = 0;
  notRecovered = 0;
  detachedStarted = 0;
  detachedEnded = 0;
  detachedFailed = 0;
  /** By command: those of clients, and those of ours that are no MESSAGE. */
  readonly #received = commandsOf("client");
  readonly #written = commandsOf("server");
  readonly #ended = new Counts(CLOSE_CODES);
  readonly #limitsExceeded = new Counts();
  readonly #handshakesRefused = new Counts();
  /** Of sessions that are gone. */
  #bytesReceived = 0;
  #bytesSent = 0;

  received(command: StompCommand): void {
    (this.#received[command] as number)++;
  }

  /** A frame was written that is no MESSAGE: those are counted as `messagesSent`. */
  wrote(command: StompCommand): void {
    (this.#written[command] as number)++;
  }

  ended({ bytesReceived, bytesSent }: CountedSession, code: number): void {
    this.#bytesReceived += bytesReceived;
    this.#bytesSent += bytesSent;
    this.#ended.one(`${code}`);
  }

  limitExceeded(limit: string): void {
    this.#limitsExceeded.one(limit);
  }

  handshakeRefused(reason: string): void {
    this.#handshakesRefused.one(reason);
  }

  /** The counts as they are now. @param connected how many of the sessions are CONNECTED */
  snapshot(sessions: Iterable<CountedSession>, connected: number): SessionCounts {
    const transports = new Counts();
    let connections = 0;
    let bytesReceived = this.#bytesReceived;
    let bytesSent = this.#bytesSent;
    let framesWaiting = 0;
    for (const session of sessions) {
      connections++;
      bytesReceived += session.bytesReceived;
      bytesSent += session.bytesSent;
      framesWaiting += session.framesWaiting;
      transports.one(session.transport);
    }
    return {
      connections,
      sessions: connected,
      connectionsByTransport: transports.all,
      connectionsOpened: this.connectionsOpened,
      sessionsEnded: this.#ended.all,
      framesReceived: Object.values(this.#received).reduce((sum, count) => sum + count, 0),
      framesReceivedByCommand: { ...this.#received },
      framesSentByCommand: { ...this.#written, MESSAGE: this.messagesSent },
      framesWaiting,
      bytesReceived,
      bytesSent,
      messagesSent: this.messagesSent,
      messagesDropped: this.messagesDropped,
      messagesDroppedByBroker: this.messagesDroppedByBroker,
      errorsSent: this.#written.ERROR ?? 0,
      repeatedSends: this.repeatedSends,
      forgottenSends: this.forgottenSends,
      detached: {
        running: this.detachedStarted - this.detachedEnded - this.detachedFailed,
        ended: this.detachedEnded,
        failed: this.detachedFailed,
      },
      recoveries: { recovered: this.recovered, refused: this.notRecovered },
      handshakesRefused: this.#handshakesRefused.all,
      limitsExceeded: this.#limitsExceeded.all,
    };
  }
}

function commandsOf(side: StompSide): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { command, from } of COMMANDS.values()) if (from === side) counts[command] = 0;
  return counts;
}
