import type { Clock } from "../../clock/clock.js";
import type { Handshake } from "../socket.js";
import { HttpSocket } from "./http-socket.js";
import type { SockJSSettings } from "./sock-js-options.js";

export interface HttpSessionsOptions {
  readonly settings: SockJSSettings;
  readonly clock: Clock;
  limitExceeded(limit: string, handshake: Handshake): void;
}

export interface NewSession {
  /** As the client chose it; nobody has it yet. */
  readonly name: string;
  readonly owner: string;
  readonly transport: string;
  readonly handshake: Handshake;
}

export interface HttpSession {
  /** The owner; nobody else's request reaches it. */
  readonly owner: string;
  readonly socket: HttpSocket;
}

/** The SockJS sessions over HTTP of one endpoint, by the names that their clients chose; so many and no more. */
export class HttpSessions {
  readonly #options: HttpSessionsOptions;
  readonly #sessions = new Map<string, HttpSession>();
  readonly #counts = new Map<string, number>();

  constructor(options: HttpSessionsOptions) {
    this.#options = options;
  }

  find(name: string): HttpSession | undefined {
    return this.#sessions.get(name);
  }

  /** The limit that one more session of theirs would pass, announced; `undefined` when there may be one. */
  limitPassedBy({ owner, handshake }: Pick<NewSession, "owner" | "handshake">): string | undefined {
    const { settings } = this.#options;
    const limit =
      this.#sessions.size >= settings.sessionLimit
        ? "sessionLimit"
        : (this.#counts.get(owner) ?? 0) >= settings.sessionLimitPerOwner
          ? "sessionLimitPerOwner"
          : undefined;
    if (limit !== undefined) this.#options.limitExceeded(limit, handshake);
    return limit;
  }

  add({ name, owner, transport, handshake }: NewSession): HttpSession {
    const { settings, clock } = this.#options;
    const limitExceeded = (limit: string) => this.#options.limitExceeded(limit, handshake);
    const forget = () => this.#forget(name, owner);
    const session = { owner, socket: new HttpSocket({ transport, settings, clock, limitExceeded, forget }) };
    this.#sessions.set(name, session);
    this.#counts.set(owner, (this.#counts.get(owner) ?? 0) + 1);
    return session;
  }

  #forget(name: string, owner: string): void {
    this.#sessions.delete(name);
    const count = (this.#counts.get(owner) as number) - 1;
    if (count === 0) this.#counts.delete(owner);
    else this.#counts.set(owner, count);
  }
}
