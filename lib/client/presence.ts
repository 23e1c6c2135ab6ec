import { type ResumingSubscription, resuming } from "./resuming.js";
import type { StompClient, StompMessage } from "./stomp-client.js";

/** A user who is at a destination. */
export interface PresentUser<I = unknown> {
  readonly name: string;
  /** Sessions of the user that are there. */
  readonly sessions: number;
  /** From when on the server knows the user to be there, in ms since 1970. */
  readonly since: number;
  /** The words of the server's `presence.info`. */
  readonly info?: I;
}

/** Those who are at a destination. */
export interface Present<I = unknown> {
  /** Users, each once, and strangers. */
  readonly count: number;
  /** Sessions without a user. */
  readonly strangers: number;
  /** By name, in the order in which they came; `undefined` when there are more than the server tells by name. */
  readonly users: ReadonlyMap<string, PresentUser<I>> | undefined;
}

/** Options of `watchPresence`. */
export interface WatchPresenceOptions {
  /** Called when the server has ended the watch, or has refused it for good. */
  onEnd?(reason: string): void;
  /** The text behind the destination: the server's `presence.suffix`, and its separator. @default "/presence" */
  suffix?: string;
}

/** The JSON of one MESSAGE. */
interface Told<I> {
  readonly count: number;
  readonly strangers: number;
  readonly users?: readonly PresentUser<I>[];
  readonly joined?: readonly PresentUser<I>[];
  readonly changed?: readonly PresentUser<I>[];
  readonly left?: readonly string[];
}

/**
 * Watches who is at a destination of a server with the option `presence`, over reconnects too.
 *
 * @param show is given all who are there, whenever that has changed
 * @returns an object whose `unsubscribe` ends it
 * @example
 * ```ts
 * const watch = watchPresence(new Client({ brokerURL }), "/topic/room/7", ({ users, count }) => {
 *   console.log(users ? [...users.keys()].join(", ") : `${count} people`);
 * });
 * watch.unsubscribe();
 * ```
 */
export function watchPresence<I = unknown, M extends StompMessage = StompMessage>(
  client: StompClient<M>,
  destination: string,
  show: (present: Present<I>) => void,
  { suffix = "/presence", onEnd }: WatchPresenceOptions = {},
): { unsubscribe(): void } {
  let users: Map<string, PresentUser<I>> | undefined;
  let version = 0;
  let current: ResumingSubscription | undefined;

  /** Gives whether the message fits behind those before. */
  function take({ headers, body }: M): boolean {
    const kind = headers.presence;
    const number = Number(headers["presence-version"]);
    const told = JSON.parse(body) as Told<I>;
    if (kind === "state") users = new Map(told.users?.map((user) => [user.name, user]));
    else if (kind === "count") users = undefined;
    else if (!users || number !== version + 1) return false;
    else {
      users = new Map(users);
      for (const name of told.left ?? []) users.delete(name);
      for (const user of [...(told.joined ?? []), ...(told.changed ?? [])]) users.set(user.name, user);
    }
    version = number;
    show({ count: told.count, strangers: told.strangers, users });
    return true;
  }

  function watch(): void {
    const options = onEnd && { onEnd };
    current = resuming(client).subscribe(
      destination + suffix,
      (message) => {
        if (message.headers.presence === undefined || take(message)) return;
        // Something is missing: a new subscription begins with all there is.
        current?.unsubscribe();
        watch();
      },
      options,
    );
  }
  watch();
  return { unsubscribe: () => current?.unsubscribe() };
}
