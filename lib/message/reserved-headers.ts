import { HeaderNames } from "./header-names.js";
import type { NativeHeaders } from "./native-headers.js";

/**
 * The headers by which the server speaks to clients and to other servers. A
 * client's header of such a name is taken off when its frame becomes a message,
 * so a reader of one reads the server's word.
 *
 * `server` says so itself: what comes from a broker elsewhere is taken off too.
 * `broker` is what that broker, or another server by it, may say.
 */
const RESERVED = {
  /** In the last MESSAGE of a subscription: why it was ended. */
  unsubscribed: "server",
  /** In the MESSAGE that answers `since`: whether all that was missed follows; else the client has to load anew. */
  recovered: "server",
  /** In that MESSAGE how many were missed and follow, and `true` in each of these. */
  replayed: "server",
  /** In MESSAGE of `<destination>/presence`: whether it is all who are there, what changed, or how many. */
  presence: "server",
  /** In these: how many changes were told before, and this one. */
  "presence-version": "server",
  /** In ERROR: when the client may come again. */
  retry: "server",
  /** In MESSAGE of a queue: somebody had it and gave it back. */
  redelivered: "broker",
  /** In a dead letter: the queue that it was in. */
  "original-destination": "broker",
  /** In the last MESSAGE of a stream with `@Detached`: `end` or `error`. */
  stream: "broker",
  /** In what servers say to each other: no client is given it. */
  "express-stomp-servers-only": "broker",
} as const satisfies Record<string, "server" | "broker">;

/** The name of a header by which the server speaks. */
export type ReservedHeader = keyof typeof RESERVED;

const ALL = new HeaderNames(Object.keys(RESERVED));
const SERVERS = new HeaderNames(
  Object.entries(RESERVED).flatMap(([name, saidBy]) => (saidBy === "server" ? name : [])),
);

/** Takes off what only a server may say. @param from the side that wrote the headers */
export function withoutReserved(native: NativeHeaders, from: "client" | "broker"): NativeHeaders {
  return native.withoutAll(from === "client" ? ALL : SERVERS);
}

/** Whether a name, a part of a text, is one under which only a server may say something. */
export function isServers(text: string, from: number, to: number): boolean {
  return SERVERS.isIn(text, from, to);
}

/** Whether the server says something under this name. */
export function says(native: NativeHeaders, name: ReservedHeader): boolean {
  return native.has(name);
}

/** Adds what the server says. */
export function saying(
  native: NativeHeaders,
  ours: Readonly<Partial<Record<ReservedHeader, string>>>,
): NativeHeaders {
  let said = native;
  for (const [name, value] of Object.entries(ours)) said = said.with(name, value);
  return said;
}
