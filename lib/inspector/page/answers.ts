/** Something that a person may do in the inspector. */
export type InspectorPermission = "look" | "payloads" | "disconnect" | "unsubscribe" | "send";

/** A part of a list, and how long the whole is. */
export interface ListAnswer<Row> {
  readonly rows: readonly Row[];
  /** How many rows the question fits. */
  readonly matched: number;
  /** How many there are at all. */
  readonly total: number;
  /** From 0; a page has at most 100 rows. */
  readonly page: number;
  /** Whether the list was too long to be read to its end: then rows may be missing, and counts too small. */
  readonly isCut: boolean;
}

/** The answer of `GET api/overview`. */
export interface OverviewAnswer {
  /** The person who asks, as the log of acts names them. */
  readonly by: string | undefined;
  readonly allowed: readonly InspectorPermission[];
  readonly status: "up" | "down" | "closing";
  /** ISO 8601, as all times. */
  readonly statusSince: string;
  readonly isBrokerAvailable: boolean;
  readonly now: string;
  /** How many users are connected, on this server or, if servers share their registry, anywhere. */
  readonly users: number;
  readonly endpoints: readonly string[];
  /** `messaging.stats()`. */
  readonly stats: Readonly<Record<string, unknown>>;
}

/** One connection in `GET api/sessions`. */
export interface SessionRow {
  readonly id: string;
  /** Missing for a stranger. */
  readonly user?: string | undefined;
  readonly isConnected: boolean;
  readonly transport: string;
  readonly version?: string | undefined;
  readonly address: string;
  readonly since: string;
  readonly framesReceived: number;
  readonly framesSent: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly bytesWaiting: number;
}

/** One subscription in `GET api/sessions/:id`. */
export interface SubscriptionRow {
  readonly id: string;
  readonly destination: string;
  readonly isPrivate: boolean;
  readonly ack: string;
  readonly selector?: string | undefined;
  readonly unacknowledged?: number | undefined;
}

/** The answer of `GET api/sessions/:id`. */
export interface SessionAnswer {
  readonly session: SessionRow;
  /** The first thousand. */
  readonly subscriptions: readonly SubscriptionRow[];
  readonly subscriptionCount: number;
}

/** A session on another server in `GET api/elsewhere`: more than its name is known there only. */
export interface ElsewhereRow {
  readonly server: string;
  readonly user: string;
  readonly sessionId: string;
}

/** One destination, or one pattern as clients have subscribed to it, in `GET api/destinations`. */
export interface DestinationRow {
  readonly destination: string;
  readonly subscriptions: number;
  /** Whether it is of users' own: each hears what is for one alone. */
  readonly isPrivate: boolean;
  /** Deliveries that its subscriptions have not acknowledged. */
  readonly unacknowledged: number;
  /** The queue's backlog. */
  readonly waiting?:
    | { readonly messages: number; readonly bytes: number; readonly since: string }
    | undefined;
  readonly history?: { readonly messages: number; readonly bytes: number } | undefined;
  readonly retained?: { readonly messages: number; readonly bytes: number } | undefined;
}

/** One mapping in `GET api/mappings`. */
export interface MappingRow {
  readonly command: string;
  readonly destinations: readonly string[];
  readonly method: string;
  readonly authorize?: string | undefined;
  /** The library of the schema that checks it, or the class that it is read as; missing where nothing is known. */
  readonly payload?: string | undefined;
  readonly replies: readonly string[];
}

/** The answer of `GET api/rules`. */
export interface RuleAnswer {
  readonly granted: boolean;
  readonly rule: string;
  readonly reason?: string | undefined;
  readonly asked: readonly { readonly rule: string; readonly granted: boolean }[];
  readonly servedBy?: string | undefined;
  readonly method?: string | undefined;
  /** The kind of person who was asked about: a stranger; a user that was found, or is connected; or nothing but a name, without roles. */
  readonly asWhom: "stranger" | "user" | "name";
  /** How many sessions hear it now, as far as the broker can tell; of a pattern, how many have subscribed to just that. */
  readonly heardBy: number;
}

/** A frame in the event `frame` of `GET api/tap`. */
export interface FrameRow {
  readonly at: string;
  readonly from: "client" | "application" | "server";
  readonly command: string;
  readonly session?: string | undefined;
  readonly user?: string | undefined;
  readonly destination?: string | undefined;
  readonly headers: readonly (readonly [string, string])[];
  readonly bytes: number;
  /** The beginning of the body, with `payloads` only; missing if it is no text. */
  readonly body?: string | undefined;
  readonly isCut: boolean;
}

/** The answer of each `POST`. */
export interface ActAnswer {
  /** How many sessions or subscriptions were ended here, or 1 for a message. */
  readonly done: number;
}

/** The answer to a request that is refused or wrong. */
export interface ErrorAnswer {
  /** A sentence that says what was wrong. */
  readonly error: string;
}
