import type { ControllerClass, Message, Principal, StompMessagingOptions } from "../index.js";
import { readBody } from "./broker/body.js";
import { StompError, type TestHeaders } from "./conversation.js";
import { testMessaging } from "./test-messaging.js";

/** How a controller is called. */
export interface CallOptions {
  /** The user who calls. @default nobody */
  readonly user?: string | Principal;
  /** Headers of the message. */
  readonly headers?: TestHeaders;
  /** @default "SEND" */
  readonly command?: "SEND" | "SUBSCRIBE";
  /** The options of `stompMessaging`: `validator`, `container`, `security`, advices among `controllers`, other prefixes. */
  readonly options?: Partial<StompMessagingOptions>;
}

/** A message that a call has sent. */
export interface SentMessage {
  /** Of a user's, with the user's name: `/user/mina/queue/errors`. */
  readonly destination: string;
  /** Decoded by its content type. */
  readonly payload: unknown;
  readonly headers: Message["headers"];
}

/** The outcome of a call. */
export interface CallResult<T = unknown> {
  /** The value that the method has returned, or its promise has resolved to: that of the exception handler, if one took the error. */
  readonly result: T | undefined;
  /** The messages that were sent: replies, and those that the method sends by the template, in order. */
  readonly sent: readonly SentMessage[];
  /** The error that nobody took: the method's own, a refused argument or a denial. */
  readonly error: Error | undefined;
}

/**
 * Calls the method of a controller that a destination is mapped to, with all
 * that happens around it for a client: arguments, validation, `@Authorize` and
 * rules, exception handlers, rules for replies. No port, no broker elsewhere.
 *
 * @param controller the class, or an instance
 * @param destination with its prefix, as a client writes it
 * @param payload as `TestClient.send` takes it: text and bytes as they are, all else as JSON
 * @throws ConfigurationError as at a start; that no method is mapped to the destination is the `error`
 * @example
 * ```ts
 * const { result, sent, error } = await callController(RoomController, "/app/room/7", { text: "hi" }, { user: "mina" });
 * ```
 */
export async function callController<T = unknown>(
  controller: ControllerClass | object,
  destination: string,
  payload?: unknown,
  { user, headers = {}, command = "SEND", options = {} }: CallOptions = {},
): Promise<CallResult<T>> {
  const { controllers = [], ...others } = options;
  await using stomp = await testMessaging({
    ...others,
    controllers: [controller, ...controllers],
    allowErrors: true,
  });
  const sent: SentMessage[] = [];
  const keep = (message: Message) => {
    sent.push(sentMessage(message));
    return message;
  };
  const { messaging } = stomp;
  messaging.brokerChannel.addInterceptor({ preSend: keep });
  const client = await stomp.connect({ ...(user !== undefined && { user }) });
  // Of what goes to the client, the answer to its SUBSCRIBE alone is none of the broker's.
  messaging.clientOutboundChannel.addInterceptor({
    preSend: (message) => (message.headers.messageType === "MESSAGE" ? keep(message) : message),
  });

  const called =
    command === "SEND" ? client.send(destination, payload, headers) : client.subscribe(destination, headers);
  const refusal = await called.then(
    () => undefined,
    (error: Error) => error,
  );
  const [failed] = stomp.events("controllerError");
  const [session] = stomp.events("sessionError");
  const results = stomp.events("controllerResult");
  const error =
    causeOf(failed?.error) ?? (refusal instanceof StompError ? session?.error : undefined) ?? refusal;
  return { result: results.at(-1)?.result as T | undefined, sent, error };
}

function sentMessage({ payload, headers }: Message): SentMessage {
  const { destination = "", contentType } = headers;
  return { destination, payload: readBody(payload, contentType), headers };
}

/** The method's own error, which the library wraps. */
function causeOf(error: Error | undefined): Error | undefined {
  return error?.cause instanceof Error ? error.cause : error;
}
