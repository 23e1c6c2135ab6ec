import { destinations, type InputOf } from "express-stomp/contract";
import { array, literal, number, object, optional, string, union, variant } from "valibot";

// The chat's messages, for the server and for its pages: both import this file. Times are milliseconds since 1970.

/** A message of a member in a room. Its number counts up: who has seen number 7 has been told nothing new by number 6. */
const chatMessage = object({
  kind: literal("message"),
  id: number(),
  roomId: string(),
  writer: string(),
  message: string(),
  sentAt: number(),
});

/** News that someone came in, told to those present and not kept. Pages put it into words, in their language. */
const chatEntrance = object({ kind: literal("enter"), roomId: string(), writer: string(), sentAt: number() });

/** A message of one member to another, in all pages of both. Its number counts up, too. */
const privateMessage = object({
  kind: literal("private"),
  id: number(),
  writer: string(),
  recipient: string(),
  message: string(),
  sentAt: number(),
});

/**
 * The refusal that a member is told. `absent`: nobody of this name is connected. `unknown`: there is no such member.
 * `refused`: for the reason given.
 * `name` is the member whom it was about, empty when the client did not say; `receipt` that of the frame that is answered.
 */
const refusalNotice = object({
  problem: union([literal("absent"), literal("unknown"), literal("refused")]),
  reason: string(),
  name: string(),
  receipt: optional(string()),
});

/** The staff has ended the member's sessions. */
const endNotice = object({ problem: literal("ended"), reason: string() });

const presentMember = object({ name: string(), sessions: number(), since: number() });

/** The people in a room: all at first, as `users`, then what changes. */
const presence = object({
  count: number(),
  strangers: number(),
  users: optional(array(presentMember)),
  joined: optional(array(presentMember)),
  changed: optional(array(presentMember)),
  left: optional(array(string())),
});

const roomId = string("A room has an id.");
const text = string("A message is text without control characters.");
const name = string("A member has a name.");

export const chatContract = destinations({
  "/pub/chat/enter": { send: object({ roomId }) },
  "/pub/chat/message": { send: object({ roomId, message: text }) },
  "/pub/chat/private": { send: object({ name, message: text }), subscribe: array(privateMessage) },
  "/pub/chat/staff/end": { send: object({ name, reason: string("A reason is text.") }) },
  "/pub/chat/room/{roomId}": { subscribe: array(chatMessage) },
  "/sub/chat/room/{roomId}": { message: variant("kind", [chatMessage, chatEntrance]) },
  "/sub/chat/room/{roomId}/presence": { message: presence },
  "/user/queue/private": { message: privateMessage },
  "/user/queue/errors": { message: union([refusalNotice, endNotice]) },
});

export type ChatMessage = InputOf<typeof chatMessage>;
export type ChatEntrance = InputOf<typeof chatEntrance>;
export type PrivateMessage = InputOf<typeof privateMessage>;
export type RefusalNotice = InputOf<typeof refusalNotice>;
export type Notice = RefusalNotice | InputOf<typeof endNotice>;
