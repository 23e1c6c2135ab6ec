import type { MessagingEvents } from "../events.js";
import type { Principal } from "../message/message.js";

/** A client's connection as it is at this moment, for those who run the server. */
export interface SessionView {
  readonly id: string;
  /** `undefined` for a stranger, and before CONNECTED unless the handshake had a user. */
  readonly user: Principal | undefined;
  /** Whether CONNECTED was written. */
  readonly isConnected: boolean;
  /** `websocket`, `tcp` or `tls`, or the SockJS transport that opened it: `xhr-streaming`, `xhr-polling`, `eventsource` … */
  readonly transport: string;
  /** The version of STOMP that was agreed on; `undefined` before CONNECT was read. */
  readonly version: "1.0" | "1.1" | "1.2" | undefined;
  /** Where it comes from, as Express's `trust proxy` says. */
  readonly address: string;
  /** When it was opened. */
  readonly since: Date;
  /** Well-formed frames of the client. */
  readonly framesReceived: number;
  /** Frames that it was given, those included that wait. */
  readonly framesSent: number;
  readonly bytesReceived: number;
  /** Bytes that its socket was given. */
  readonly bytesSent: number;
  /** Bytes that have not left for the client: they wait for interceptors, for room in the socket, or in it. */
  readonly bytesWaiting: number;
}

/** One subscription that the broker delivers to. */
export interface SubscriptionView {
  readonly sessionId: string;
  /** As the client chose it: unique within its session only. */
  readonly id: string;
  /** As the client wrote it: a pattern perhaps. */
  readonly destination: string;
  /** Whether it hears what is for its user alone: a destination under `/user/`. */
  readonly isPrivate: boolean;
  readonly ack: "auto" | "client" | "client-individual";
  /** The condition by which it chooses messages; `undefined` if it wants all. */
  readonly selector: string | undefined;
  /** Deliveries that were not acknowledged; `undefined` where a broker elsewhere knows that, or none are asked for. */
  readonly unacknowledged: number | undefined;
}

/** A queue of the simple broker in which something waits. */
export interface QueueView {
  readonly destination: string;
  readonly messages: number;
  /** Bytes that they take in memory. */
  readonly bytes: number;
  /** Since when something has waited there, without a break. */
  readonly since: Date;
}

/** The messages of one destination that the simple broker keeps. */
export interface KeptView {
  /** `history`: for those who come back. `retained`: the newest one, for those who subscribe. */
  readonly kind: "history" | "retained";
  readonly destination: string;
  /** The user whose own destination it is; `undefined` if it is everybody's. */
  readonly user: string | undefined;
  readonly messages: number;
  /** Bytes that they take in memory. */
  readonly bytes: number;
}

/** Says whether a message may pass, and why. */
export interface AccessExplanation {
  /** Whether rules and `@Authorize` both let it pass. */
  readonly granted: boolean;
  /** The rule that decided, as it stands in the table of the rules; or `@Authorize(…)`. */
  readonly rule: string;
  /** The text of the `AccessDeniedError` that an `access(…)` threw. */
  readonly reason: string | undefined;
  /** The rules that were asked, in order: several where a subscription reaches the destinations of more than one. */
  readonly asked: readonly { readonly rule: string; readonly granted: boolean }[];
  /** The station that would get the message: none is `undefined`, and then a SUBSCRIBE is answered ERROR. */
  readonly servedBy: "controllers" | "broker" | "users" | undefined;
  /** The method that it is mapped to. */
  readonly method: string | undefined;
}

/** A frame, or a message of the application, as a tap shows it. Credentials in its headers are masked. */
export interface TappedFrame {
  readonly at: Date;
  /** `client` has sent it; the `application` has, or a controller; or the `server` gave it to a client. */
  readonly from: "client" | "application" | "server";
  readonly command: string;
  /** The session that it came from or went to; `undefined` for the application's, and for what several were given. */
  readonly sessionId: string | undefined;
  readonly user: string | undefined;
  readonly destination: string | undefined;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** A view of the body: copy what is to be kept. */
  readonly body: Uint8Array;
}

/** The frames that a tap shows: all of one session; or what is sent to a destination, or to all that a pattern fits. */
export type TapTarget = { readonly sessionId: string } | { readonly destination: string };

/** Something that a person has done, or wanted to do, by a tool for the staff: as the event `inspected` tells it. */
export type InspectionAct = Readonly<MessagingEvents["inspected"]>;
