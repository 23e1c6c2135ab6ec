import type { SubscribableChannel } from "../channel/channel.js";
import type { Pace } from "../channel/pace.js";
import type { TickingClock } from "../clock/ticking-clock.js";
import type { EventPublisher } from "../events.js";
import type { Logger } from "../logger.js";
import type { SessionEnd } from "../message/session-end.js";
import type { FrameTaps } from "../observe/frame-taps.js";
import type { TransportSettings } from "../options/transport-options.js";
import type { Deduplication } from "./deduplication.js";
import type { StompSubProtocolErrorHandler } from "./error-reply.js";
import type { MessageEncoder } from "./message-encoder.js";
import type { SessionRates } from "./session-rates.js";
import type { SessionStats } from "./session-stats.js";

/** The answers that the application waits for. */
export interface ExpectedAnswers {
  /** How many. While it is 0, nothing is. */
  readonly count: number;
  /** Whether a SEND is one that this session was asked for: once of each. */
  take(sessionId: string, headers: { get(name: string): string | undefined }): boolean;
}

/** The parts of the library that all sessions share. */
export interface SessionContext {
  readonly clientInboundChannel: SubscribableChannel;
  readonly clientOutboundChannel: SubscribableChannel;
  readonly pace: Pace;
  readonly events: EventPublisher;
  readonly logger: Logger;
  readonly clock: TickingClock;
  readonly encoder: MessageEncoder;
  readonly limits: TransportSettings;
  readonly preserveReceiveOrder: boolean;
  /** Milliseconds in which frames of a client that is gone have to go on; 0 is without end. */
  readonly handlerTimeout: number;
  readonly errorHandler: StompSubProtocolErrorHandler | undefined;
  readonly stats: SessionStats;
  /** Those who look at frames as they pass. */
  readonly taps: FrameTaps;
  /** Set if repeats of a SEND are not handled. */
  readonly deduplication: Deduplication | undefined;
  /** Set if there are limits of how often clients may send. */
  readonly rates?: SessionRates | undefined;
  /** Set if clients may be asked. */
  readonly answers?: ExpectedAnswers | undefined;
  /** Tells everybody behind the channels that a session is over. */
  ended(end: SessionEnd): void;
}
