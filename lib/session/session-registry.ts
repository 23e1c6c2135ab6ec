import type { MessageHandler } from "../channel/channel.js";
import { Delivery } from "../message/delivery.js";
import type { Message } from "../message/message.js";
import type { Handshake, Socket } from "../socket/socket.js";
import { Session, type SessionContext } from "./session.js";

/** Who is connected: makes a session of every socket, and takes what `clientOutboundChannel` carries to it. */
export class SessionRegistry implements MessageHandler {
  readonly #sessions = new Map<string, Session>();
  readonly #context: SessionContext;
  #whenEmpty: (() => void) | undefined;

  constructor(context: SessionContext) {
    this.#context = context;
  }

  get size(): number {
    return this.#sessions.size;
  }

  open(socket: Socket, handshake: Handshake): void {
    const session: Session = new Session(socket, handshake, this.#context, () => this.#ended(session));
    this.#sessions.set(session.id, session);
    socket.listen(session);
  }

  /** Hands a message to its session; what is for a session that has ended is dropped. */
  handle(message: Message): void {
    this.#sessionOf(message)?.deliver(message);
  }

  /** Ends a session for whom messages pile up before they reach its socket. */
  overflowed(message: Message): void {
    this.#sessionOf(message)?.overflow();
  }

  /** Ends one session with ERROR: `false` when it is not there. */
  end(sessionId: string, error: Error): boolean {
    const session = this.#sessions.get(sessionId);
    if (!session || session.closed) return false;

    session.fail(error, undefined);
    return true;
  }

  /** Closes every session; resolves when all have ended. */
  close(code: number, reason: string): Promise<void> {
    for (const session of this.#sessions.values()) session.shut(code, reason);
    if (this.#sessions.size === 0) return Promise.resolve();

    return new Promise((resolve) => {
      this.#whenEmpty = resolve;
    });
  }

  #sessionOf(message: Message): Session | undefined {
    const id = message instanceof Delivery ? message.sessionId : message.headers.sessionId;
    return id === undefined ? undefined : this.#sessions.get(id);
  }

  #ended(session: Session): void {
    this.#sessions.delete(session.id);
    if (this.#sessions.size === 0) this.#whenEmpty?.();
  }
}
