import type { Request } from "express";
import type { ChannelInterceptor } from "../channel/interceptor.js";
import type { MessageChannel } from "../channel/message-channel.js";
import { type Clock, systemClock } from "../clock/clock.js";
import { ConfigurationError } from "../errors.js";
import { type Message, withHeaders } from "../message/message.js";
import { SessionGrant } from "../message/session-grant.js";
import { flag, isTime, onlyKnown, withMethods } from "../options/checks.js";
import { isPromise } from "../promise.js";
import { hasCookie } from "./http-session-handshake-interceptor.js";

/** The part of an express-session store that is used. */
export interface HttpSessionStore {
  get(id: string, callback: (error: unknown, session?: object | null) => void): void;
  destroy(id: string, callback?: (error?: unknown) => void): void;
  touch?(id: string, session: never, callback?: (error?: unknown) => void): void;
}

/** Options of `httpSessionLifetime`. */
export interface HttpSessionLifetimeOptions {
  /** The store that `session({ store })` has. */
  readonly store: HttpSessionStore;
  /** Whether frames of a client, heart-beats aside, keep its HTTP session from expiring. Default false. */
  readonly renew?: boolean | undefined;
  /** How often the store is asked whether sessions are still there, and told at most that they are in use, in ms. @default 60000 */
  readonly checkInterval?: number | undefined;
  /** The text of the ERROR that a client gets when its HTTP session is over. @default "The HTTP session is over" */
  readonly endedMessage?: string | undefined;
}

/** Ends sessions with the HTTP session they were opened in: for `interceptors` of `clientInboundChannel`. */
export interface HttpSessionLifetime extends ChannelInterceptor {
  beforeHandshake(request: Request, response: unknown, attributes: Map<string, unknown>): boolean;
  /**
   * Ends the sessions of an HTTP session, by its `req.sessionID`. Not needed after `req.session.destroy()` and
   * `regenerate()` of this process; an end in another process is noticed within `checkInterval`.
   *
   * @returns how many sessions were ended
   */
  end(httpSessionId: string): number;
}

interface Settings {
  readonly store: HttpSessionStore;
  readonly renew: boolean;
  readonly checkInterval: number;
  readonly endedMessage: string;
}

const HTTP_SESSION = "express-stomp.http-session";

/**
 * Makes an interceptor for `clientInboundChannel`, which lets a session last no
 * longer than the HTTP session of express-session that its handshake came with:
 * when that is destroyed, as a logout does, is replaced at a login, or expires,
 * the client gets ERROR. A client that came without an HTTP session is let pass.
 *
 * As Spring Session does, and with `renew` its `SessionRepositoryMessageInterceptor`.
 *
 * @example
 * ```ts
 * const store = new MemoryStore();
 * app.use(session({ secret, store }));
 * const lifetime = httpSessionLifetime({ store, renew: true });
 * stompMessaging({ endpoints: [{ path: "/ws" }], clientInboundChannel: { interceptors: [lifetime] } });
 * ```
 *
 * @throws ConfigurationError when an option makes no sense
 */
export function httpSessionLifetime(options: HttpSessionLifetimeOptions): HttpSessionLifetime {
  return new HttpSessions(settingsOf(options));
}

/** Of one HTTP session. */
interface Known {
  readonly grants: Set<HttpSessionGrant>;
  /** In ms of the clock. */
  renewedAt: number;
}

class HttpSessions implements HttpSessionLifetime {
  readonly #settings: Settings;
  readonly #known = new Map<string, Known>();
  /** By session, while CONNECT is on its way. */
  readonly #connecting = new Map<string, HttpSessionGrant>();
  #clock: Clock = systemClock;
  #stop: (() => void) | undefined;

  constructor(settings: Settings) {
    this.#settings = settings;
    tellOfDestroyed(settings.store, (id) => this.end(id));
  }

  beforeHandshake(request: Request, _response: unknown, attributes: Map<string, unknown>): boolean {
    const { session, sessionID } = request as { session?: object | null; sessionID?: unknown };
    if (session && hasCookie(request, sessionID)) attributes.set(HTTP_SESSION, sessionID);
    return true;
  }

  preSend(message: Message, { clock }: MessageChannel): Message | Promise<Message> {
    const { messageType, sessionAttributes } = message.headers;
    const id = sessionAttributes?.get(HTTP_SESSION);
    if (typeof id !== "string") return message;

    this.#clock = clock;
    if (messageType === "CONNECT") return this.#connect(id, message);
    if (messageType !== "DISCONNECT") this.#renew(id);
    return message;
  }

  /** A CONNECT that was refused later on, or got another grant there, has brought ours to no session. */
  afterSendCompletion({ headers: { messageType, sessionId = "" } }: Message): void {
    if (messageType !== "CONNECT") return;
    const grant = this.#connecting.get(sessionId);
    this.#connecting.delete(sessionId);
    if (grant && !grant.held) grant.release();
  }

  end(httpSessionId: string): number {
    const grants = [...(this.#known.get(httpSessionId)?.grants ?? [])];
    for (const grant of grants) grant.revoke(this.#settings.endedMessage);
    return grants.length;
  }

  async #connect(id: string, message: Message): Promise<Message> {
    const known = this.#known.get(id) ?? { grants: new Set(), renewedAt: Number.NEGATIVE_INFINITY };
    const grant: HttpSessionGrant = new HttpSessionGrant(() => {
      known.grants.delete(grant);
      if (known.grants.size === 0 && this.#known.get(id) === known) this.#known.delete(id);
      if (this.#known.size === 0) this.#stop?.();
    });
    this.#known.set(id, known);
    known.grants.add(grant);
    // First noted, then asked: one that ends meanwhile ends this session too.
    try {
      if (!(await this.#find(id))) grant.revoke(this.#settings.endedMessage);
      if (grant.fault) throw grant.fault;
    } catch (error) {
      grant.release();
      throw error;
    }
    this.#renew(id);
    this.#stop ??= this.#watch();
    this.#connecting.set(message.headers.sessionId ?? "", grant);
    return withHeaders(message, { grant });
  }

  /** Asks, every so often, for all of them; as long as there is one. */
  #watch(): () => void {
    const stop = this.#clock.every(this.#settings.checkInterval, () => {
      for (const id of this.#known.keys()) {
        const found = this.#find(id).then((session) => session === undefined && this.end(id));
        // A store that is away ends nobody: it is asked again.
        found.catch(() => {});
      }
    });
    return () => {
      this.#stop = undefined;
      stop();
    };
  }

  #renew(id: string): void {
    const { renew, store, checkInterval } = this.#settings;
    const known = this.#known.get(id);
    if (!renew || !known || this.#clock.now() - known.renewedAt < checkInterval) return;

    known.renewedAt = this.#clock.now();
    const touched = this.#find(id).then((session) => {
      if (session) store.touch?.(id, renewed(session, this.#clock.date()) as never, () => {});
    });
    touched.catch(() => {});
  }

  #find(id: string): Promise<StoredSession | undefined> {
    return new Promise((resolve, reject) => {
      this.#settings.store.get(id, (error, session) => {
        if (error) reject(error);
        else resolve((session as StoredSession | null | undefined) ?? undefined);
      });
    });
  }
}

class HttpSessionGrant extends SessionGrant {
  readonly #released: () => void;

  constructor(released: () => void) {
    super();
    this.#released = released;
  }

  override release(): void {
    super.release();
    this.#released();
  }
}

interface StoredSession {
  readonly cookie?: { readonly originalMaxAge?: number | null; readonly maxAge?: number | null };
}

/** Stores go by `cookie.expires`, which is how far a request of the browser would put it off. */
function renewed(session: StoredSession, now: number): object {
  const age = session.cookie?.originalMaxAge;
  if (typeof age !== "number") return session;
  return { ...session, cookie: { ...session.cookie, expires: new Date(now + age) } };
}

/**
 * express-session announces no end: `destroy` is what it calls for
 * `req.session.destroy()` and `regenerate()`. Some stores give a promise in
 * place of a callback, which the application may wait for.
 */
function tellOfDestroyed(store: HttpSessionStore, ended: (id: string) => void): void {
  const { destroy } = store;
  store.destroy = (id, callback): unknown => {
    const told = (error?: unknown) => {
      if (!error) ended(id);
      callback?.(error);
    };
    const destroyed: unknown = destroy.call(store, id, callback && told);
    if (callback) return destroyed;
    if (isPromise(destroyed)) return destroyed.then(() => told());
    told();
    return undefined;
  };
}

function settingsOf(options: HttpSessionLifetimeOptions): Settings {
  onlyKnown("httpSessionLifetime", options, ["store", "renew", "checkInterval", "endedMessage"]);
  const { checkInterval = 60_000, endedMessage = "The HTTP session is over" } = options;
  const renew = flag("renew", options.renew, false);
  const methods = renew ? ["get", "destroy", "touch"] : ["get", "destroy"];
  const store = withMethods("store", options.store, methods);
  if (store === undefined) {
    throw new ConfigurationError("httpSessionLifetime needs the store that session({ store }) has");
  }
  if (!isTime(checkInterval, 1)) {
    throw new ConfigurationError(
      `checkInterval is ${String(checkInterval)}: it must be a number of ms above 0`,
    );
  }
  if (typeof endedMessage !== "string") throw new ConfigurationError("endedMessage must be text");
  return { store, renew, checkInterval, endedMessage };
}
