import { LimitExceededError, MessageHandlingError, refusal, StompConversionError } from "../errors.js";
import { type Message, withHeaders } from "../message/message.js";
import type { Frame } from "../stomp/frame.js";
import type { ClientSession } from "./client-session.js";
import type { Claim, Deduplication } from "./deduplication.js";
import { exceed, excessOf } from "./excess.js";
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
  /** Of its `dedup-id`, or of those in the transaction that it ends. */
  claim: Claim | undefined;
  readonly #turns: Turns;

  constructor(frame: Frame, meaning: CommandMeaning, session: ClientSession, turns: Turns) {
    this.frame = frame;
    this.meaning = meaning;
    this.session = session;
    this.receiptId = frame.headers.get("receipt");
    this.message = undefined;
    this.claim = undefined;
    this.#turns = turns;
  }

  /** Takes the frame through `clientInboundChannel`, and answers it. Never throws and never rejects. */
  run(): void | Promise<void> {
    try {
      const message = this.#begin();
      this.message = message;
      const { rates } = this.session.context;
      const excess = rates && excessOf(this.frame, this.session, rates);
      const handled = excess ? exceed(this, excess, () => this.#handle(message)) : this.#handle(message);
      return handled?.catch((error: unknown) => this.meaning.failed(this, error as Error));
    } catch (error) {
      return this.meaning.failed(this, error as Error);
    }
  }

  #handle(message: Message): void | Promise<void> {
    const { deduplication } = this.session.context;
    return deduplication ? this.#once(message, deduplication) : this.#carry(message);
  }

  #carry(message: Message): void | Promise<void> {
    const sent = this.session.context.clientInboundChannel.carry(message, (handedOn) => {
      this.message = handedOn;
      this.session.handedOn(handedOn);
      this.#turns.handedOn(this);
    });
    if (typeof sent === "boolean") return this.meaning.handled(this, sent);
    return sent.then((result) => this.meaning.handled(this, result));
  }

  /** A repeat waits for what becomes of the first, and is answered as that was; if that has failed, it is handled. */
  #once(message: Message, deduplication: Deduplication): void | Promise<void> {
    const { frame, session, receiptId } = this;
    if (frame.command === "SEND") checkId(frame, "dedup-id", session);
    const claim = deduplication.claim(frame, session);
    if (claim instanceof Promise) {
      return claim.then(() => {
        if (!session.dropped) return this.#once(message, deduplication);
      });
    }
    if (claim !== "handled") {
      this.claim = claim;
      return this.#carry(message);
    }
    if (receiptId !== undefined) session.receipt(receiptId);
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
  else exchange.claim?.fail();
  if (receiptId !== undefined && !sent) throw refusal(`${frame.command} was stopped`);

  const receipt = message?.headers.receipt;
  const confirmed = receipt instanceof PendingReceipt ? receipt.confirmed : undefined;
  if (receiptId === undefined || !confirmed) {
    if (sent) exchange.claim?.succeed();
    if (receiptId !== undefined) session.receipt(receiptId);
    return;
  }
  // Nothing waits for it: perhaps it comes only after what this client sends next, such as COMMIT.
  confirmed.then(
    () => {
      exchange.claim?.succeed();
      session.receipt(receiptId);
    },
    (error: Error) => {
      exchange.claim?.fail();
      session.fail(error, exchange);
    },
  );
}

/** A controller's fault costs the message, not the session; but a receipt that was asked for would be a lie. */
export function fail(exchange: Exchange, error: Error): void {
  exchange.claim?.fail();
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
