import type { Request } from "express";
import { isSameOrigin } from "../index.js";
import type { InspectorSettings } from "./options.js";
import type { InspectorPermission } from "./page/answers.js";
import { Problem } from "./problem.js";

const PERMISSIONS: readonly InspectorPermission[] = ["look", "payloads", "disconnect", "unsubscribe", "send"];

/** The person who makes a request, and what they may do. */
export interface Visitor {
  readonly name: string | undefined;
  readonly allowed: readonly InspectorPermission[];
}

/**
 * Asks the application about the person who makes a request.
 *
 * @throws Problem (rejects with it) when they may not look; or whatever the application's functions throw
 */
export async function admit(req: Request, settings: InspectorSettings): Promise<Visitor> {
  const given: unknown = settings.userOf(req);
  const name = typeof given === "string" && given !== "" ? given : undefined;
  if (name === undefined && !settings.unprotected) {
    throw new Problem(
      403,
      "Nobody is known who makes this request. Mount the inspector behind the application's login; where that sets no " +
        "req.user, tell the name by userOf, or say unprotected: true if something else protects it.",
    );
  }
  const answer: unknown = await settings.allow(req);
  const allowed = answer === true ? ["look"] : Array.isArray(answer) ? answer : [];
  const known = PERMISSIONS.filter((permission) => allowed.includes(permission));
  if (!known.includes("look"))
    throw new Problem(403, "You may not look here: the application's allow says so.");
  return { name, allowed: known };
}

/** @throws Problem when a page of another origin asks */
export function expectOwnPage(req: Request): void {
  if (isSameOrigin(req)) return;
  throw new Problem(
    403,
    "This request comes from a page of another origin. Behind a proxy, Express's trust proxy has to be set for the own one to be known.",
  );
}
