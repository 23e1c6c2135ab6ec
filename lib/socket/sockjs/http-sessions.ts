import { HttpSocket, type HttpSocketOptions } from "./http-socket.js";
import type { SockJSSettings } from "./sock-js-options.js";

export interface HttpSession {
  /** Whose it is; nobody else's request reaches it. */
  readonly owner: string;
  readonly socket: HttpSocket;
}

/** The SockJS sessions over HTTP of one endpoint, by the names that their clients chose; so many and no more. */
export class HttpSessions {
  readonly #settings: SockJSSettings;
  readonly #sessions = new Map<string, HttpSession>();
  readonly #counts = new Map<string, number>();

  constructor(settings: SockJSSettings) {
    this.#settings = settings;
  }

  find(name: string): HttpSession | undefined {
    return this.#sessions.get(name);
  }

  /** Makes a session of a name that is not taken, or `undefined` when its owner or all have too many. */
  add(name: string, owner: string, transport: string): HttpSession | undefined {
    const { sessionLimit, sessionLimitPerOwner } = this.#settings;
    const count = this.#counts.get(owner) ?? 0;
    if (this.#sessions.size >= sessionLimit || count >= sessionLimitPerOwner) return undefined;

    const forget = () => this.#forget(name, owner);
    const options: HttpSocketOptions = { transport, settings: this.#settings, forget };
    const session = { owner, socket: new HttpSocket(options) };
    this.#sessions.set(name, session);
    this.#counts.set(owner, count + 1);
    return session;
  }

  #forget(name: string, owner: string): void {
    this.#sessions.delete(name);
    const count = (this.#counts.get(owner) as number) - 1;
    if (count === 0) this.#counts.delete(owner);
    else this.#counts.set(owner, count);
  }
}
