import { LimitExceededError, MessageHandlingError, refusal, StompConversionError } from "../errors.js";
import { type Message, withHeaders } from "../message/message.js";
import { isPromise } from "../promise.js";
import type { Frame } from "../stomp/frame.js";
import type { ClientSession } from "./client-session.js";
import { PendingReceipt } from "./pending-receipt.js";

/** The meaning of a client's command to its session. */
export interface CommandMeaning {
  /** Whether it makes the session: all other commands come behind it. */
  readonly opens: boolean;
  /** Whether no other frame is handled at the same time, whatever `preserveReceiveOrder` says. */
  readonly alone: boolean;
  /** Whether it may acknowledge what was delivered. */
  readonly settles: boolean;
  /**
   * Makes a frame a message.
   *
   * @throws StompConversionError when the frame lacks what its command requires in this version
   */
  message(frame: Frame, session: ClientSession): Message;
  /** Answers a frame that was handled, or was stopped by an interceptor. A throw is taken for its failure. */
  handled(exchange: Exchange, sent: boolean): void;
  failed(exchange: Exchange, error: Error): void;
}

/** The order of a session's frames. */
export interface Turns {
  /** Every handler has got the message. */
  handedOn(exchange: Exchange): void;
}

/**
 * One frame of a client, from its message to its answer. It alone decides what
 * a fault costs.
 */
export class Exchange {
  readonly frame: Frame;
  readonly meaning: CommandMeaning;
  readonly session: ClientSession;
  readonly receiptId: string | undefined;
  /** As interceptors have made it, once every handler has got it; none yet of a frame that is faulty. */
  message: Message | undefined;
  readonly #turns: Turns;

  constructor(frame: Frame, meaning: CommandMeaning, session: ClientSession, turns: Turns) {
    this.frame = frame;
    this.meaning = meaning;
    this.session = session;
    this.receiptId = frame.headers.get("receipt");
    this.message = undefined;
    this.#turns = turns;
  }

  /** Takes the frame through `clientInboundChannel`, and answers it. Never throws and never rejects. */
  run(): void | Promise<void> {
    try {
      const message = this.#begin();
      this.message = message;
      const sent = this.session.context.clientInboundChannel.carry(message, (handedOn) => {
        this.message = handedOn;
        this.session.handedOn(handedOn);
        this.#turns.handedOn(this);
      });
      if (!isPromise(sent)) return this.meaning.handled(this, sent);

      return Promise.resolve(sent)
        .then((result) => this.meaning.handled(this, result))
        .catch((error: unknown) => this.meaning.failed(this, error as Error));
    } catch (error) {
      return this.meaning.failed(this, error as Error);
    }
  }

  #begin(): Message {
    const { frame, meaning, session, receiptId } = this;
    if (!meaning.opens && session.state !== "connected") {
      throw new StompConversionError(`${frame.command} came before CONNECT`);
    }
    const message = meaning.message(frame, session);
    if (receiptId === undefined) return message;

    checkId(frame, "receipt", session);
    return withHeaders(message, { receipt: new PendingReceipt() });
  }
}

/** Gives RECEIPT to a frame that asked for it, when the broker has confirmed it if that is put off. */
export function answer(exchange: Exchange, sent: boolean): void {
  const { frame, session, message, receiptId } = exchange;
  if (sent) session.processed(message as Message);
  if (receiptId === undefined) return;
  if (!sent) throw refusal(`${frame.command} was stopped`);

  const receipt = message?.headers.receipt;
  const confirmed = receipt instanceof PendingReceipt ? receipt.confirmed : undefined;
  if (!confirmed) {
    session.receipt(receiptId);
    return;
  }
  // Nothing waits for it: perhaps it comes only after what this client sends next, such as COMMIT.
  confirmed.then(
    () => session.receipt(receiptId),
    (error: Error) => session.fail(error, exchange),
  );
}

/** A controller's fault costs the message, not the session; but a receipt that was asked for would be a lie. */
export function fail(exchange: Exchange, error: Error): void {
  if (error instanceof MessageHandlingError && exchange.receiptId === undefined) return;

  exchange.session.fail(error, exchange);
}

/** An id that a client chose is kept with what it names. @throws LimitExceededError when it is too long */
export function checkId(frame: Frame, header: string, { context }: ClientSession): void {
  const { idLengthLimit } = context.limits;
  const id = frame.headers.get(header);
  if (id !== undefined && id.length > idLengthLimit) {
    throw new LimitExceededError(`The ${header} of ${frame.command}`, "idLengthLimit", idLengthLimit);
  }
}
