import type { Request, Response } from "express";
import { AccessDeniedError, ConfigurationError, classNameOf, faultError, MessagingError } from "../errors.js";
import type { Logger } from "../logger.js";
import { answer } from "./answer.js";

/**
 * Sees each handshake before a connection comes of it, as Spring's
 * `HandshakeInterceptor`: of WebSocket, and the first request of a SockJS
 * session over HTTP. Each method may be left out, and may be async.
 *
 * @example
 * ```ts
 * const tenants: HandshakeInterceptor = {
 *   beforeHandshake(request, response, attributes) {
 *     attributes.set("tenant", request.hostname);
 *     return true;
 *   },
 * };
 * ```
 */
export interface HandshakeInterceptor {
  /**
   * Returns whether the handshake goes on; what it puts into `attributes` is in
   * the session's. To refuse in words of its own, it answers with `response` or
   * sets a status there; else a refusal is 403. A throw goes to the
   * application's error middleware.
   */
  beforeHandshake?(
    request: Request,
    response: Response,
    attributes: Map<string, unknown>,
  ): boolean | Promise<boolean>;
  /**
   * Hears how a handshake ended that it let pass, in reverse order; with an
   * error when no connection came of it. Nobody waits for it, and what it
   * throws is logged.
   */
  afterHandshake?(request: Request, response: Response, error: Error | undefined): void | Promise<void>;
}

export const HANDSHAKE_HOOKS = [
  "beforeHandshake",
  "afterHandshake",
] as const satisfies readonly (keyof HandshakeInterceptor)[];

/** Whether it has one of the methods: an interceptor of a channel may be one of handshakes too. */
export function looksAtHandshakes<T extends object>(interceptor: T): interceptor is T & HandshakeInterceptor {
  const hooks = (interceptor ?? {}) as HandshakeInterceptor;
  return HANDSHAKE_HOOKS.some((hook) => typeof hooks[hook] === "function");
}

/** One handshake, and the interceptors that see it. */
export interface InterceptedHandshake {
  readonly interceptors: readonly HandshakeInterceptor[];
  readonly req: Request;
  readonly res: Response;
  readonly logger: Logger;
  /** An interceptor refused it: it has been answered. */
  refused(status: number): void;
}

/** Returns whether a connection came of a handshake; else it has answered. */
export type Connect = (attributes: Map<string, unknown>) => boolean | Promise<boolean>;

/**
 * Goes on with a handshake when all interceptors let it pass, and tells them how it ended.
 *
 * @throws (or rejects with) whatever an interceptor's `beforeHandshake` or `connect` throws
 */
export function interceptHandshake(handshake: InterceptedHandshake, connect: Connect): void | Promise<void> {
  const attributes = new Map<string, unknown>();
  if (handshake.interceptors.length > 0) return interceptAndTell(handshake, connect, attributes);

  // Without a wait the handshake is done before the application's middleware returns.
  const connected = connect(attributes);
  if (connected instanceof Promise) return connected.then(() => {});
}

async function interceptAndTell(
  handshake: InterceptedHandshake,
  connect: Connect,
  attributes: Map<string, unknown>,
): Promise<void> {
  const { interceptors, res } = handshake;
  const passed: HandshakeInterceptor[] = [];
  let failure: Error | undefined;
  try {
    for (const interceptor of interceptors) {
      if (!(await letsPass(interceptor, handshake, attributes))) {
        failure = new AccessDeniedError("An interceptor refused the handshake");
        refuse(res);
        handshake.refused(res.statusCode);
        return;
      }
      passed.push(interceptor);
    }
    if (!(await connect(attributes))) {
      failure = new MessagingError("HANDSHAKE", "No connection came of the handshake");
    }
  } catch (error) {
    failure = faultError(error);
    throw failure;
  } finally {
    for (const interceptor of passed.reverse()) void tell(interceptor, handshake, failure);
  }
}

async function letsPass(
  interceptor: HandshakeInterceptor,
  { req, res }: InterceptedHandshake,
  attributes: Map<string, unknown>,
): Promise<boolean> {
  if (!interceptor.beforeHandshake) return true;

  const passes: unknown = await interceptor.beforeHandshake(req, res, attributes);
  if (typeof passes === "boolean") return passes;
  throw new ConfigurationError(
    `beforeHandshake of ${classNameOf(interceptor)} returned neither true nor false`,
  );
}

function refuse(res: Response): void {
  if (!res.headersSent) answer(res, res.statusCode === 200 ? 403 : res.statusCode, "Handshake refused\n");
}

async function tell(
  interceptor: HandshakeInterceptor,
  { req, res, logger }: InterceptedHandshake,
  error: Error | undefined,
): Promise<void> {
  try {
    await interceptor.afterHandshake?.(req, res, error);
  } catch (fault) {
    logger.error("afterHandshake failed", fault);
  }
}
