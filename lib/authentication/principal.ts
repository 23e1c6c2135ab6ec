import type { IncomingMessage } from "node:http";
import type { Request } from "express";
import { ConfigurationError } from "../errors.js";
import type { Principal } from "../message/message.js";
import { isText } from "../options/checks.js";
import { isPromise } from "../promise.js";

/** Finds who makes a request; nobody is `undefined` or `null`. */
export type UserFinder = (
  req: Request,
) => Principal | undefined | null | Promise<Principal | undefined | null>;

const ACTING = Symbol("acting user");

/**
 * Says who makes a request, whatever an endpoint's `user` finds, and for
 * `req.user` too: for tests, which have no login, and for middleware that knows better.
 *
 * @param user `undefined` is nobody
 * @example
 * ```ts
 * app.use((req, _res, next) => {
 *   if (req.get("x-service-key") === process.env.SERVICE_KEY) actAs(req, { name: "service" });
 *   next();
 * });
 * ```
 */
export function actAs(req: IncomingMessage, user: Principal | undefined): void {
  Object.assign(req, { user, [ACTING]: { user } });
}

/** Gives `req.user` as a principal: under its `name`, else its `username`. */
export function requestUser(req: Request): Principal | undefined {
  const { user } = req as { user?: unknown };
  if (user === undefined || user === null || user === false) return undefined;

  const { name, username } = user as { name?: unknown; username?: unknown };
  if (isText(name)) return user as Principal;
  if (isText(username)) {
    // Inherits, so that the application finds its own user again in handlers.
    return Object.create(Object(user), { name: { value: username, enumerable: true } }) as Principal;
  }
  throw new ConfigurationError(
    "req.user has neither a name nor a username. " +
      "Tell who it is with the endpoint's option user(req), which returns an object with a name.",
  );
}

/** Asks `find`, and checks that the person it gives has a name. A user who is known at once is no promise. */
export function findUser(
  req: Request,
  find: UserFinder,
): Principal | undefined | Promise<Principal | undefined> {
  const acting = (req as { [ACTING]?: { readonly user: Principal | undefined } })[ACTING];
  const user = acting ? acting.user : find(req);
  return isPromise(user) ? Promise.resolve(user).then(named) : named(user);
}

function named(user: Principal | undefined | null): Principal | undefined {
  if (user === undefined || user === null) return undefined;
  if (typeof user === "object" && isText(user.name)) return user;
  throw new ConfigurationError("The endpoint's option user(req) returned a user without a name.");
}
