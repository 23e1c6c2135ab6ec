import {
  type ChannelInterceptor,
  type ControllerContainer,
  createMessage,
  type HandlerMethodArgumentResolver,
  type HandlerMethodReturnValueHandler,
  type Message,
  type MessageConverter,
  type MessageHeaders,
  type MessagingEvents,
  NativeHeaders,
  type PayloadValidator,
  SimpMessagingTemplate,
  SimpUserRegistry,
  SubscribableChannel,
} from "express-stomp";
import { type Clock, systemClock } from "#lib/clock/clock.js";
import { ControllerHandler } from "#lib/controller/controller-handler.js";
import { resolveControllers } from "#lib/controller/resolve-controllers.js";
import { EventPublisher } from "#lib/events.js";
import { CompositeMessageConverter } from "#lib/message/converters.js";
import { AccessControl } from "#lib/security/access-control.js";
import { UserSessions } from "#lib/user/user-sessions.js";
import { recordingLogger } from "./recording.js";

export interface ControllersOptions {
  prefixes?: string[];
  separator?: "/" | ".";
  brokerInterceptors?: ChannelInterceptor[];
  messageConverters?: MessageConverter[];
  validator?: PayloadValidator;
  argumentResolvers?: HandlerMethodArgumentResolver[];
  returnValueHandlers?: HandlerMethodReturnValueHandler[];
  handlerTimeout?: number;
  clock?: Clock;
  container?: ControllerContainer | undefined;
  /** What streams of replies wait for. */
  room?: () => Promise<void> | undefined;
}

/** Controllers between the three channels, and what came out of them. */
export function withControllers(controllers: object | object[], options: ControllersOptions = {}) {
  const logger = recordingLogger();
  const events = new EventPublisher(logger);
  const errors: MessagingEvents["controllerError"][] = [];
  events.on("controllerError", (event) => void errors.push(event));

  const toBroker: Message[] = [];
  const brokerChannel = new SubscribableChannel("brokerChannel", {
    logger,
    interceptors: options.brokerInterceptors ?? [],
  });
  brokerChannel.subscribe({ handle: (message) => void toBroker.push(message) });

  const toClient: Message[] = [];
  const clientOutboundChannel = new SubscribableChannel("clientOutboundChannel", { logger });
  clientOutboundChannel.subscribe({ handle: (message) => void toClient.push(message) });

  const converter = new CompositeMessageConverter(options.messageConverters);
  const template = new SimpMessagingTemplate(brokerChannel, converter);
  const userRegistry = new SimpUserRegistry(new UserSessions());
  const clientInboundChannel = new SubscribableChannel("clientInboundChannel", { logger });
  clientInboundChannel.subscribe(
    new ControllerHandler({
      controllers: resolveControllers([controllers].flat(), options.container, {
        template,
        userRegistry,
        clientInboundChannel,
        clientOutboundChannel,
        brokerChannel,
      }),
      applicationDestinationPrefixes: options.prefixes ?? ["/app"],
      destinationSeparator: options.separator ?? "/",
      converter,
      validator: options.validator,
      argumentResolvers: options.argumentResolvers ?? [],
      returnValueHandlers: options.returnValueHandlers ?? [],
      handlerTimeout: options.handlerTimeout ?? 30_000,
      detachedStreams: { limit: 1_000, limitPerUser: 10 },
      brokerChannel,
      clientOutboundChannel,
      userDestinationPrefix: "/user/",
      access: new AccessControl({
        security: undefined,
        template,
        events,
        logger,
        sessionHeaders: () => undefined,
        isOver: () => false,
        subscriptionsOf: () => [],
        unsubscribe: async () => false,
      }),
      events,
      sessions: { roomInPace: () => undefined, room: () => options.room?.() },
      logger,
      clock: options.clock ?? systemClock,
    }),
  );

  const sendMessage = (body: string | Uint8Array, headers: Partial<MessageHeaders>) =>
    clientInboundChannel.send(
      createMessage(typeof body === "string" ? Buffer.from(body) : body, { sessionId: "s1", ...headers }),
    );

  // As a session does before anything else.
  void sendMessage("", { messageType: "CONNECT" });

  return {
    log: logger.lines,
    errors,
    toBroker,
    toClient,
    /** SEND, as a session hands it on. */
    send: (destination: string, body: string | Uint8Array = "", headers: Partial<MessageHeaders> = {}) =>
      sendMessage(body, { destination, ...headers }),
    /** SUBSCRIBE, as a session hands it on. */
    subscribe: (destination: string, headers: Partial<MessageHeaders> = {}) =>
      sendMessage("", { messageType: "SUBSCRIBE", destination, subscriptionId: "sub-0", ...headers }),
    /** A message of any type. */
    sendMessage,
  };
}

/** A controller whose methods note their name. */
export abstract class Noting {
  readonly called: string[] = [];
}

/** Keeps what its methods were called with. */
export class Recording {
  readonly calls: unknown[][] = [];

  protected record(...args: unknown[]): void {
    this.calls.push(args);
  }
}

export function native(headers: Record<string, string> | [string, string][]): Partial<MessageHeaders> {
  return { native: NativeHeaders.of(headers) };
}

export function bodyOf(message: Message | undefined): string {
  return Buffer.from(message?.payload ?? []).toString();
}

/** What a call throws or its promise rejects with. */
export async function faultOf(call: () => unknown): Promise<unknown> {
  try {
    await call();
  } catch (fault) {
    return fault;
  }
  throw new Error("was expected to fail");
}

/** Where messages go, in their order. */
export function destinationsOf(messages: readonly Message[]): (string | undefined)[] {
  return messages.map(({ headers }) => headers.destination);
}
