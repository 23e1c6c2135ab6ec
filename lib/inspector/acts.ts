import type { Request } from "express";
import { createMessage, type InspectionAct, type StompMessaging } from "../index.js";
import type { Visitor } from "./gate.js";
import type { ActAnswer, InspectorPermission } from "./page/answers.js";
import { Problem } from "./problem.js";

/** Characters of a reason, which goes to a client in a header. */
const REASON_LIMIT = 200;

/** Something to do, as a request asks for it. */
interface Act {
  readonly target: Readonly<Record<string, string>>;
  /** Gives how much was done. */
  run(messaging: StompMessaging, reason: string): number | Promise<number>;
}

/** The acts, by their permission and path. Each reads what it wants of the body, and throws a Problem if that is missing. */
const ACTS = {
  disconnect,
  unsubscribe,
  send,
} satisfies { readonly [name in InspectorPermission]?: (body: Readonly<Record<string, unknown>>) => Act };

/** The names of the acts. */
export type ActName = keyof typeof ACTS;
export const ACT_NAMES = Object.keys(ACTS) as ActName[];

/**
 * Does what a request asks for, and announces it, whatever comes of it.
 *
 * @throws Problem (rejects with it) when the visitor may not, or the request lacks something
 */
export async function act(
  name: ActName,
  req: Request,
  { name: by, allowed }: Visitor,
  messaging: StompMessaging,
): Promise<ActAnswer> {
  const body = bodyOf(req);
  const tell = (told: Partial<InspectionAct>, outcome: InspectionAct["outcome"]) =>
    messaging.inspection.acted({ action: name, by, target: {}, reason: undefined, ...told, outcome });
  if (!allowed.includes(name)) {
    tell({ target: textsOf(body) }, "refused");
    throw new Problem(403, `You may not ${name}: the application's allow says so.`);
  }
  const { target, run } = ACTS[name](body);
  const reason = lineOf(body, "reason");
  try {
    const done = await run(messaging, reason);
    tell({ target, reason }, "done");
    return { done };
  } catch (error) {
    tell({ target, reason }, "failed");
    throw error instanceof Problem ? error : new Problem(409, (error as Error).message);
  }
}

/** All sessions of a user, or one. */
function disconnect(body: Readonly<Record<string, unknown>>): Act {
  if ((body.user === undefined) === (body.sessionId === undefined)) {
    throw new Problem(400, "disconnect takes a user or a sessionId.");
  }
  const target =
    body.user === undefined ? { sessionId: textOf(body, "sessionId") } : { user: textOf(body, "user") };
  return {
    target: { ...target },
    run: (messaging, reason) => messaging.disconnect(target, reason),
  };
}

function unsubscribe(body: Readonly<Record<string, unknown>>): Act {
  const sessionId = textOf(body, "sessionId");
  const id = textOf(body, "id");
  return {
    target: { sessionId, subscription: id },
    async run(messaging, reason) {
      const user = messaging.userRegistry.getUser(messaging.inspection.session(sessionId)?.user?.name ?? "");
      const subscription = user?.sessions.get(sessionId)?.subscriptions.get(id);
      if (!subscription) {
        throw new Problem(
          409,
          "No user's session here has such a subscription. One of a session without a user ends with its session only.",
        );
      }
      return Number(await messaging.unsubscribe(subscription, reason));
    },
  };
}

function send(body: Readonly<Record<string, unknown>>): Act {
  const destination = textOf(body, "destination");
  const { body: payload = "", contentType } = body;
  if (typeof payload !== "string") throw new Problem(400, "body must be a text.");
  if (contentType !== undefined && (typeof contentType !== "string" || /[\r\n]/.test(contentType))) {
    throw new Problem(400, "contentType must be a text, such as application/json.");
  }
  return {
    target: { destination },
    async run({ template }) {
      const type = contentType || "text/plain;charset=utf-8";
      await template.send(destination, createMessage(Buffer.from(payload), { contentType: type }));
      return 1;
    },
  };
}

function bodyOf(req: Request): Readonly<Record<string, unknown>> {
  // A form of another site can send nothing but texts and forms without being asked first.
  if (!req.is("application/json")) {
    throw new Problem(415, "The content-type must be application/json.");
  }
  const body: unknown = req.body;
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new Problem(400, "The body must be an object.");
  }
  return body as Readonly<Record<string, unknown>>;
}

function textOf(body: Readonly<Record<string, unknown>>, name: string): string {
  const text = body[name];
  if (typeof text !== "string" || text === "") throw new Problem(400, `${name} is missing: it is a text.`);
  return text;
}

function lineOf(body: Readonly<Record<string, unknown>>, name: string): string {
  const text = textOf(body, name).trim();
  if (text === "" || text.length > REASON_LIMIT || /[\u0000-\u001f\u007f]/.test(text)) {
    throw new Problem(
      400,
      `${name} is one line of 1 to ${REASON_LIMIT} characters: clients read it, and the log has it.`,
    );
  }
  return text;
}

/** The texts of a request that was refused, for the log; not a message's body. */
function textsOf(body: Readonly<Record<string, unknown>>): Record<string, string> {
  const names = ["user", "sessionId", "id", "destination"];
  return Object.fromEntries(
    names.flatMap((name) => (typeof body[name] === "string" ? [[name, body[name].slice(0, 1024)]] : [])),
  );
}
