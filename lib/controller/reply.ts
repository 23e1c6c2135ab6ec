import { randomUUID } from "node:crypto";
import type { SubscribableChannel } from "../channel/channel.js";
import { userDestination } from "../destination/user-destination.js";
import { MessageDeliveryError, MessageHandlingError } from "../errors.js";
import type { CompositeMessageConverter } from "../message/converters.js";
import {
  createMessage,
  type Message,
  type MessageHeaders,
  NO_PAYLOAD,
  withHeaders,
} from "../message/message.js";
import { NativeHeaders } from "../message/native-headers.js";
import { saying } from "../message/reserved-headers.js";
import { isPromise } from "../promise.js";
import type { Invocation } from "./invocation.js";
import type { ExceptionMethod, MappedMethod } from "./metadata.js";
import type { SendToUserNote } from "./reply-note.js";

/** Where `{name}` stands for a variable of a mapping. */
const PLACEHOLDER = /\{([^{}]+)\}/g;

/** The prefix of the destination that a message came to, where no decorator names another for its reply. */
export const DEFAULT_REPLIES = { subscribers: "/topic", user: "/queue" } as const;

/** Where replies go through. */
export interface ReplyChannels {
  readonly converter: CompositeMessageConverter;
  readonly brokerChannel: SubscribableChannel;
  readonly clientOutboundChannel: SubscribableChannel;
  readonly sessions: {
    /** A promise to wait for before a session is sent a reply; `undefined` if it has room. */
    roomInPace(sessionId: string): Promise<void> | undefined;
  };
  /** With its closing slash. */
  readonly userDestinationPrefix: string;
}

/** Sends on what a method returned. Done when it was sent. */
export function reply(
  value: unknown,
  method: MappedMethod | ExceptionMethod,
  invocation: Invocation,
  channels: ReplyChannels,
): void | Promise<void> {
  const { type, sendTo, sendToUser } = method;
  const content = channels.converter.toPayload(value);
  if (type === "SUBSCRIBE" && !sendTo && !sendToUser) {
    return sendWithRoom(toSubscriber(content, method.name, invocation), channels);
  }
  return sendInOrder(channels.brokerChannel, [
    ...(sendToUser ? toUser(content, sendToUser, invocation, channels.userDestinationPrefix) : []),
    ...(sendTo || !sendToUser ? toDestinations(content, sendTo ?? [], invocation) : []),
  ]);
}

/** Sends the last message of a detached stream to where its elements went. */
export function replyEnd(
  how: "end" | "error",
  text: string | undefined,
  { sendTo }: MappedMethod,
  invocation: Invocation,
  { converter, brokerChannel }: ReplyChannels,
): void | Promise<void> {
  const content = text === undefined ? EMPTY : converter.toPayload(text);
  const native = saying(NativeHeaders.EMPTY, { stream: how });
  const messages = toDestinations(content, sendTo ?? [], invocation);
  return sendInOrder(
    brokerChannel,
    messages.map((message) => withHeaders(message, { native })),
  );
}

type Content = Pick<MessageHeaders, "contentType"> & { readonly payload: Uint8Array };

const EMPTY: Content = { payload: NO_PAYLOAD, contentType: undefined };

function toSubscriber({ payload, contentType }: Content, name: string, { message }: Invocation): Message {
  const { destination, sessionId, subscriptionId, user } = message.headers;
  if (subscriptionId === undefined) {
    throw new MessageHandlingError(`${name} has nobody to reply to: SUBSCRIBE has no id`);
  }
  const messageId = randomUUID();
  return createMessage(payload, { destination, sessionId, subscriptionId, messageId, user, contentType });
}

function toDestinations(
  { payload, contentType }: Content,
  destinations: readonly string[],
  invocation: Invocation,
): Message[] {
  const { sessionId, user } = invocation.message.headers;
  return expanded(destinations, DEFAULT_REPLIES.subscribers, invocation).map((destination) =>
    createMessage(payload, { destination, contentType, sessionId, user }),
  );
}

/** To all sessions of the user, or to the one whose message it was; which is all that a stranger has. */
function toUser(
  { payload, contentType }: Content,
  { destinations, broadcast }: SendToUserNote,
  invocation: Invocation,
  prefix: string,
): Message[] {
  const { sessionId, user } = invocation.message.headers;
  const name = user?.name ?? sessionId;
  if (name === undefined) {
    throw new MessageHandlingError(`${invocation.lookupDestination} came from no user and no session`);
  }
  const privateTo = broadcast && user ? undefined : sessionId;
  return expanded(destinations, DEFAULT_REPLIES.user, invocation).map((destination) =>
    createMessage(payload, {
      destination: userDestination(prefix, { name, destination }),
      contentType,
      sessionId,
      user,
      ...(privateTo !== undefined && { privateTo }),
    }),
  );
}

/** The variables that destinations of `@SendTo` and `@SendToUser`, and the key of `@Detached`, name. */
export function placeholdersOf(method: MappedMethod | ExceptionMethod): string[] {
  const { sendTo = [], sendToUser } = method;
  const key = method.type === "EXCEPTION" ? undefined : method.detached?.key;
  const texts = [...sendTo, ...(sendToUser?.destinations ?? []), ...(key === undefined ? [] : [key])];
  return texts.flatMap((text) => [...text.matchAll(PLACEHOLDER)].map(([, name]) => name as string));
}

function expanded(
  destinations: readonly string[],
  defaultPrefix: string,
  { variables, lookupDestination }: Invocation,
): string[] {
  if (destinations.length === 0) {
    return [`${defaultPrefix}${lookupDestination.startsWith("/") ? "" : "/"}${lookupDestination}`];
  }
  return destinations.map((destination) => filledIn(destination, variables));
}

/** Puts the values of a mapping's variables into a text. @throws MessageHandlingError when it has none of a name */
export function filledIn(text: string, variables: Invocation["variables"]): string {
  return text.replace(PLACEHOLDER, (_, name: string) => {
    const value = variables.get(name);
    if (value === undefined) throw new MessageHandlingError(`{${name}} of ${text} is not in the mapping`);
    return value;
  });
}

/** Methods that were waited for may be done in the same turn: then each finds what the others have sent. */
function sendWithRoom(message: Message, channels: ReplyChannels): void | Promise<void> {
  const room = channels.sessions.roomInPace(message.headers.sessionId ?? "");
  if (room) return room.then(() => sendWithRoom(message, channels));
  return sendInOrder(channels.clientOutboundChannel, [message]);
}

/** Each when the one before it was sent; synchronous for as long as the channel is. */
function sendInOrder(
  channel: SubscribableChannel,
  messages: readonly Message[],
  from = 0,
): void | Promise<void> {
  for (let i = from; i < messages.length; i++) {
    const message = messages[i] as Message;
    const sent = channel.carry(message);
    if (isPromise(sent)) {
      return sent.then((result) => {
        checkSent(result, message);
        return sendInOrder(channel, messages, i + 1);
      });
    }
    checkSent(sent, message);
  }
}

function checkSent(sent: boolean, { headers }: Message): void {
  if (!sent) throw new MessageDeliveryError(`An interceptor stopped the reply to ${headers.destination}`);
}
