import type { Logger } from "../logger.js";
import { createMessage, type Message, type PublishedHeaders } from "../message/message.js";
import { NativeHeaders } from "../message/native-headers.js";
import { publishedHeaders } from "../message/publication.js";
import type { ServersStats } from "../observe/stats.js";
import type { Said } from "./envelope.js";
import { ServerLink, type ServerLinkOptions } from "./server-link.js";
import { type ObeyingSessions, obey, SessionsBroadcast, type SessionsTold } from "./sessions-broadcast.js";

/** The messages of servers about users. */
type Told =
  | {
      readonly message: Omit<PublishedHeaders, "native"> & { readonly privateTo: string | undefined };
      readonly native: readonly (readonly [string, string])[];
      /** A client sent it: it is not for strangers. */
      readonly byClient: boolean;
    }
  | SessionsTold;

/** Does on this server what another one says. */
export interface UserBroadcastHandler {
  /** Hands a message for a user to the sessions that are here. */
  deliver(message: Message, options: { readonly byClient: boolean }): void | Promise<void>;
  /** Runs what feeds sessions; gives what to wait for before they are fed again. */
  feed(deliver: () => void): Promise<void> | undefined;
  readonly here: ObeyingSessions;
}

/**
 * Takes what is for users to the servers that they are connected to. All it
 * promises is kept when the others will hear it; while they are greeted that waits.
 */
export class UserBroadcast {
  /** Has the other servers do to sessions what is done here. */
  readonly sessions = new SessionsBroadcast((told) => this.#link.say(told));
  readonly #link: ServerLink<Told>;
  readonly #handler: UserBroadcastHandler;
  readonly #logger: Logger;

  constructor(options: ServerLinkOptions, handler: UserBroadcastHandler) {
    this.#handler = handler;
    this.#logger = options.logger;
    this.#link = new ServerLink<Told>(options, { take: (_, said) => this.#take(said) });
  }

  get stats(): ServersStats {
    return this.#link.stats;
  }

  /** Gives all other servers a message for a user. @throws MessageDeliveryError, at once, when it is too long for them */
  send({ payload, headers }: Message, { byClient }: { readonly byClient: boolean }): Promise<void> {
    const { native, ...published } = publishedHeaders(headers);
    const message = { ...published, privateTo: headers.privateTo };
    return this.#link.say({ message, native: [...native], byClient }, payload);
  }

  close(): Promise<void> {
    return this.#link.close();
  }

  /**
   * The link's next message waits while clients that were given this one are behind. It does not wait for those
   * who are told that a recheck or an unsubscribe has ended something.
   */
  #take(said: Said<Told>): void | Promise<void> {
    if ("message" in said.content) return this.#handler.feed(() => void this.#do(said));
    void this.#do(said);
  }

  async #do({ content, payload }: Said<Told>): Promise<void> {
    try {
      if ("message" in content) {
        const { message, native, byClient } = content;
        const headers = { ...message, native: NativeHeaders.of(native) };
        await this.#handler.deliver(createMessage(payload, headers), { byClient });
      } else if (!(await obey(content, this.#handler.here))) this.#link.unknown();
    } catch (error) {
      this.#logger.error("A message of another server for users could not be handled", error);
    }
  }
}
