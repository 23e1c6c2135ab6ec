import type { Message, Principal, SessionHeaders } from "../message/message.js";
import type { AgreedHeartBeat, HeartBeatOffer } from "../stomp/heart-beat.js";
import type { StompVersion } from "../stomp/version.js";
import type { Outbound } from "./outbound.js";
import type { SessionContext } from "./session-context.js";
import type { AnnouncedSession } from "./session-events.js";
import type { PassableLimit } from "./session-limits.js";

/** A session as the parts of it know it: the one face that all of them see. */
export interface ClientSession extends AnnouncedSession {
  readonly context: SessionContext;
  readonly outbound: Outbound;
  /** The name of its socket's transport. */
  readonly transport: string;
  /** Ms since its socket was opened. */
  readonly age: number;
  /** The headers that every message of it carries. */
  readonly messageHeaders: SessionHeaders;
  user: Principal | undefined;

  /** How far CONNECT has come; it outlives the socket, for frames that were received before the end. */
  state: "new" | "connecting" | "connected";
  /** The version that its CONNECT agrees on, from when that was read; `undefined` if none is in common. */
  version: StompVersion | undefined;
  /** The heart-beats that its client has offered. */
  heartBeatOffer: HeartBeatOffer;
  /** CONNECT was handed on, and DISCONNECT not yet: the broker may hold something of this session. */
  owesDisconnect: boolean;
  /** The event `connect` was published, so `disconnect` will be. */
  readonly announced: boolean;

  /** Lifts the bounds that hold before CONNECTED. */
  connected(): void;
  /** Begins heart-beats. */
  beat(agreed: AgreedHeartBeat): void;
  /** Every handler has got a frame's message, as interceptors made it. */
  handedOn(message: Message): void;
  /** A frame's message was handled. */
  processed(message: Message): void;
  receipt(receiptId: string): void;
  /** Ends it if its grant is over. Gives whether it goes on. */
  checkGrant(): boolean;
  /** Lets its grant go, for nothing is left that depends on it. */
  releaseGrant(): void;
  /** Whether nothing of it waits any more for how often frames may come: the server closes. */
  readonly hurries: boolean;
  /** Lets the frame that is being handled wait so many ms, and all behind it. Resolves to whether it may still go on. */
  holdUp(ms: number): Promise<boolean>;
  /** Stops and starts reading. */
  pause(): void;
  resume(): void;

  /** Whether its end was decided, whoever decided it. */
  closed: boolean;
  /** Whether it was ended from here, so that nothing more of what it has sent is begun. */
  readonly dropped: boolean;
  /** Whether it has ended for everybody but its client, who may still be told why. */
  ended: boolean;
  /** Tells everybody behind the channels that it ends, since the client has said so. */
  leave(): void;
  /** Ends it for a fault. */
  fail(error: Error, failure?: Failure): void;
  /** Ends it for a limit that it has passed. */
  exceeded(limit: PassableLimit): void;
  /** Ends it since its grant is over. */
  revoke(fault: Error): void;
  /** Ends it after what was sent, and what still waits for interceptors. */
  close(code: number, reason: string): void;
  /** Ends it at once, with all that waits. */
  cut(): void;
}

/** How a session ends for a fault, and for which frame of its client. */
export interface Failure {
  /** The receipt that a frame asked for, which ERROR then names. */
  readonly receiptId?: string | undefined;
  /** The message of that frame. */
  readonly message?: Message | undefined;
  /** A WebSocket close code. Default: 1002. */
  readonly code?: number;
  /** Whether the application wants the client gone. Default: it may come back. */
  readonly isMeant?: boolean;
  /**
   * Set when ERROR would only wait behind what the client does not read: the socket closes after what it was given,
   * or its line is cut.
   */
  readonly unread?: "close" | "cut" | undefined;
}

/** The registry of sessions, as a session tells it of its way: once of each. */
export interface SessionOwner {
  connected(session: ClientSession): void;
  /** Its socket has closed, while frames that it brought are still handled. */
  abandoned(session: ClientSession): void;
  /** Its socket has closed, with that code, and everybody has heard of its end. */
  gone(session: ClientSession, code: number): void;
}
