import type { SubscribableChannel } from "../channel/channel.js";
import { MessageDeliveryError, MessageHandlingError, StompConversionError } from "../errors.js";
import type { Logger } from "../logger.js";
import { type Message, type SessionHeaders, withHeaders } from "../message/message.js";
import { isPromise } from "../promise.js";
import type { Frame } from "../stomp/frame.js";
import type { StompVersion } from "../stomp/version.js";
import { checkId, clientMessage } from "./client-message.js";
import { PendingReceipt } from "./pending-receipt.js";

/** What a frame needs of the session that it is from. */
export interface FramedSession {
  readonly connected: boolean;
  readonly messageHeaders: SessionHeaders;
  /** A CONNECT is about to be handed on, in this version. */
  connecting(frame: Frame, version: StompVersion): void;
  /** DISCONNECT is about to be handed on: whatever was received before it has been handled. */
  leaving(): void;
  /** A frame's message was handled. */
  processed(message: Message): void;
  receipt(receiptId: string): void;
  fail(error: Error, receiptId: string | undefined, options?: { message: Message | undefined }): void;
  /** DISCONNECT was handed to every handler: no frame follows. */
  disconnected(fault?: DisconnectFault): void;
}

/** What a handler made of a DISCONNECT. */
export interface DisconnectFault {
  readonly error: Error;
  readonly receiptId: string | undefined;
  readonly message: Message | undefined;
}

/** Where frames come from, one after the other. */
export interface FrameSource {
  readonly session: FramedSession;
  readonly channel: SubscribableChannel;
  readonly logger: Logger;
  /** What CONNECT agreed on; `undefined` when nothing was in common. */
  readonly version: StompVersion | undefined;
  /** How many characters a client's ids may have. */
  readonly idLengthLimit: number;
  /** Every handler has got a frame's message, as interceptors made it. */
  handedOn(frame: Frame, message: Message): void;
  /** CONNECT was accepted. */
  accepted(): void;
}

/**
 * Takes a frame through `clientInboundChannel`, and answers it. It alone decides
 * what a fault costs: never throws and never rejects.
 */
export function handleFrame(frame: Frame, source: FrameSource): void | Promise<void> {
  let message: Message | undefined;
  try {
    const clients = messageOf(frame, source);
    message = clients;
    const sent = source.channel.carry(clients, (handedOn) => {
      message = handedOn;
      source.handedOn(frame, handedOn);
    });
    if (!isPromise(sent)) return answer(frame, message, sent, source);

    return Promise.resolve(sent)
      .then((result) => answer(frame, message ?? clients, result, source))
      .catch((error: unknown) => failed(frame, error, message, source));
  } catch (error) {
    return failed(frame, error, message, source);
  }
}

export function isConnect(frame: Frame): boolean {
  return frame.command === "CONNECT" || frame.command === "STOMP";
}

function messageOf(frame: Frame, { session, version, idLengthLimit }: FrameSource): Message {
  if (isConnect(frame)) {
    if (session.connected) throw new StompConversionError(`${frame.command} came twice: already connected`);
    if (!version) {
      const offered = frame.headers.get("accept-version") ?? "";
      throw new StompConversionError(`No STOMP version in common with accept-version ${offered}`, {
        code: "STOMP_VERSION",
      });
    }
    session.connecting(frame, version);
  } else if (!session.connected) {
    throw new StompConversionError(`${frame.command} came before CONNECT`);
  }
  if (frame.command === "SUBSCRIBE") checkId(frame, "id", idLengthLimit);
  else if (frame.command === "BEGIN") checkId(frame, "transaction", idLengthLimit);
  const message = clientMessage(frame, version as StompVersion, session.messageHeaders);
  if (frame.command === "DISCONNECT") session.leaving();
  if (!frame.headers.has("receipt")) return message;

  checkId(frame, "receipt", idLengthLimit);
  return withHeaders(message, { receipt: new PendingReceipt() });
}

function answer(frame: Frame, message: Message, sent: boolean, source: FrameSource): void {
  const { session } = source;
  if (isConnect(frame)) {
    if (!session.connected) throw refused("The connection was refused");
    source.accepted();
    session.processed(message);
    return;
  }
  const receiptId = frame.headers.get("receipt");
  if (frame.command === "DISCONNECT") {
    if (receiptId !== undefined) session.receipt(receiptId);
    session.disconnected();
    return;
  }
  if (sent) session.processed(message);
  if (receiptId === undefined) return;
  if (!sent) throw refused(`${frame.command} was stopped`);
  const { receipt } = message.headers;
  const confirmed = receipt instanceof PendingReceipt ? receipt.confirmed : undefined;
  if (!confirmed) {
    session.receipt(receiptId);
    return;
  }
  // Nothing waits for it: perhaps it comes only after what this client sends next, such as COMMIT.
  confirmed.then(
    () => session.receipt(receiptId),
    (error: Error) => session.fail(error, receiptId, { message }),
  );
}

function failed(
  frame: Frame,
  error: unknown,
  message: Message | undefined,
  { session, logger }: FrameSource,
): void {
  const receiptId = isConnect(frame) ? undefined : frame.headers.get("receipt");
  if (frame.command === "DISCONNECT" && session.connected) {
    logger.error(`DISCONNECT of session ${session.messageHeaders.sessionId} failed`, error);
    session.disconnected({ error: error as Error, receiptId, message });
    return;
  }
  // A controller's fault costs the message, not the session; but a receipt that was asked for would be a lie.
  if (error instanceof MessageHandlingError && receiptId === undefined && !isConnect(frame)) return;

  session.fail(error as Error, receiptId, { message });
}

function refused(text: string): MessageDeliveryError {
  return new MessageDeliveryError(text, { publicMessage: text });
}
