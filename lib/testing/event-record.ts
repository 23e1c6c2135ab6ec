import { MESSAGING_EVENTS, type MessagingEvents, type StompMessaging } from "../index.js";
import { Mailbox } from "./mailbox.js";
import type { WaitOptions } from "./test-subscription.js";

/** Events that tell of a fault which no client may have been told. */
const FAULTS = ["controllerError", "channelError", "sendFailed"] as const;

/** So many events of a kind are kept; then the oldest go. */
const KEPT = 10_000;

/** The events of the library since the kit was made. */
export class EventRecord {
  readonly #all = new Map<keyof MessagingEvents, unknown[]>();
  readonly #mailboxes = new Map<keyof MessagingEvents, Mailbox<unknown>>();
  /** Faults that nobody has looked at, with the session that sent the message. */
  #unseen: { readonly name: string; readonly error: Error; readonly sessionId: string | undefined }[] = [];
  readonly #remove: (() => void)[];
  readonly #within: number;

  constructor(messaging: StompMessaging, within: number) {
    this.#within = within;
    this.#remove = MESSAGING_EVENTS.map((name) => {
      this.#all.set(name, []);
      this.#mailboxes.set(name, new Mailbox());
      return messaging.on(name, (event) => this.#add(name, event));
    });
  }

  /** All events of a kind, the newest 10,000 at most. */
  all<E extends keyof MessagingEvents>(name: E): readonly MessagingEvents[E][] {
    this.#look(name);
    return this.#of(this.#all, name) as MessagingEvents[E][];
  }

  /** The next event of a kind that was not asked for yet. */
  next<E extends keyof MessagingEvents>(
    name: E,
    { within = this.#within }: WaitOptions = {},
  ): Promise<MessagingEvents[E]> {
    const mailbox = this.#of(this.#mailboxes, name) as Mailbox<MessagingEvents[E]>;
    const late = () => {
      const others = [...this.#all].flatMap(([each, { length }]) =>
        length > 0 ? `${each} (${length})` : [],
      );
      const came = others.length > 0 ? `there were ${others.join(", ")}` : "there was none at all";
      return new Error(`No event ${name} came within ${within} ms; ${came}`);
    };
    return mailbox.next(within, late).then((event) => {
      this.#look(name);
      return event;
    });
  }

  /** A client was told what became of the messages of its session. */
  seen(sessionId: string): void {
    this.#unseen = this.#unseen.filter((fault) => fault.sessionId !== sessionId);
  }

  /** Stops listening. @throws Error that lists the faults that nobody has looked at */
  close(allowErrors: boolean): void {
    for (const remove of this.#remove) remove();
    if (allowErrors || this.#unseen.length === 0) return;

    const told = this.#unseen.map(({ name, error }) => `\n  ${name}: ${error.message}`);
    throw new Error(`Nobody has looked at these errors (allowErrors lets them be):${told.join("")}`, {
      cause: this.#unseen[0]?.error,
    });
  }

  #of<T>(map: Map<keyof MessagingEvents, T>, name: keyof MessagingEvents): T {
    const found = map.get(name);
    if (found !== undefined) return found;
    throw new Error(`There is no event ${String(name)}; there are ${MESSAGING_EVENTS.join(", ")}`);
  }

  #look(name: string): void {
    this.#unseen = this.#unseen.filter((fault) => fault.name !== name);
  }

  #add<E extends keyof MessagingEvents>(name: E, event: MessagingEvents[E]): void {
    const all = this.#of(this.#all, name);
    all.push(event);
    if (all.length > KEPT) all.shift();
    this.#of(this.#mailboxes, name).put(event);
    if (!(FAULTS as readonly string[]).includes(name)) return;

    const { error, message } = event as MessagingEvents["controllerError"] & { message?: never };
    const sessionId = (message as { headers: { sessionId?: string } } | undefined)?.headers.sessionId;
    this.#unseen.push({ name, error, sessionId });
  }
}
