import { promisify } from "node:util";
import express, {
  type ErrorRequestHandler,
  type Request,
  type RequestHandler,
  type Response,
  Router,
} from "express";
import { ConfigurationError, type StompMessaging } from "../index.js";
import { ACT_NAMES, act } from "./acts.js";
import { admit, expectOwnPage, type Visitor } from "./gate.js";
import { destinations, elsewhere, mappings, overview, rules, session, sessions } from "./looks.js";
import { type InspectorOptions, inspectorSettings } from "./options.js";
import { pageFiles } from "./page-files.js";
import { Problem } from "./problem.js";
import { TapStreams } from "./tap-stream.js";
import { Walks } from "./walks.js";

/** Nothing but this router's own files loads or runs, and no page frames it. */
const HEADERS = {
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Resource-Policy": "same-origin",
};

/**
 * Makes pages, and the same as JSON, for the staff of an application: who is connected, over what, what waits for them,
 * which destinations and queues there are, frames as they pass, which rule decides about whom, and which methods are
 * mapped; a router to mount behind the application's own login. It only shows, unless `allow` says more. While nobody
 * looks nothing of it runs.
 *
 * @throws ConfigurationError without `allow`, or when another option makes no sense
 * @example
 * ```ts
 * app.use("/admin/stomp", inspector(messaging, { allow: (req) => (req as { user?: { role: string } }).user?.role === "staff" }));
 * ```
 */
export function inspector(messaging: StompMessaging, options: InspectorOptions): RequestHandler {
  if (typeof messaging?.inspection !== "object") {
    throw new ConfigurationError(
      "inspector takes what stompMessaging returned, and then its options: inspector(messaging, { allow })",
    );
  }
  const settings = inspectorSettings(options);
  const endpoints = messaging.description.endpoints.map(({ path }) => path);
  const context = { messaging, settings, endpoints, walks: new Walks() };
  const taps = new TapStreams(messaging, settings);
  const router = Router();

  /** Answers those who may look. */
  const visited =
    (answer: (req: Request, res: Response, visitor: Visitor) => unknown): RequestHandler =>
    (req, res, next) => {
      // Express 4 waits for no promise.
      admit(req, settings)
        .then((visitor) => answer(req, res, visitor))
        .catch(next);
    };
  const asJson = (look: (req: Request, res: Response, visitor: Visitor) => unknown): RequestHandler =>
    visited(async (req, res, visitor) => {
      expectOwnPage(req);
      const answer = await look(req, res, visitor);
      if (!res.destroyed) res.json(answer);
    });

  router.use((_req, res, next) => {
    res.set({ ...HEADERS, "Cache-Control": "no-store" });
    next();
  });
  router.get(
    "/api/overview",
    asJson((_req, _res, visitor) => overview(context, visitor)),
  );
  router.get(
    "/api/sessions",
    asJson((req, res) => sessions(context, req, res)),
  );
  router.get(
    "/api/sessions/:id",
    asJson((req, res) => session(context, String(req.params.id), res)),
  );
  router.get(
    "/api/elsewhere",
    asJson((req, res) => elsewhere(context, req, res)),
  );
  router.get(
    "/api/destinations",
    asJson((req, res) => destinations(context, req, res)),
  );
  router.get(
    "/api/mappings",
    asJson(() => mappings(context)),
  );
  router.get(
    "/api/rules",
    asJson((req, res) => rules(context, req, res)),
  );
  router.get(
    "/api/tap",
    visited((req, res, visitor) => {
      expectOwnPage(req);
      taps.open(req, res, visitor);
    }),
  );
  for (const name of ACT_NAMES) {
    router.post(
      `/api/${name}`,
      asJson(async (req, res, visitor) => {
        await readBody(req, res);
        return act(name, req, visitor, messaging);
      }),
    );
  }
  router.use("/api", (req, res) => {
    res.status(404).json({ error: `There is no ${req.method} ${req.path.slice(0, 100)} here.` });
  });

  const files = pageFiles();
  router.get(
    "/",
    visited((req, res) => files.page(req, res)),
  );
  router.get(
    [...files.paths],
    visited((req, res) => files.file(req, res)),
  );
  router.use(showProblem);
  return router;
}

/** Reads the body of somebody who was let in. */
const readBody = promisify(express.json({ limit: "256kb" }) as BodyReader);

type BodyReader = (req: Request, res: Response, done: (error?: unknown) => void) => void;

/** Answers with the sentence of a problem; all else is the application's error middleware's. */
const showProblem: ErrorRequestHandler = (error: unknown, _req, res, next) => {
  const status = error instanceof Problem ? error.status : statusOf(error);
  if (status === undefined || res.headersSent) {
    next(error);
    return;
  }
  const sentence = error instanceof Problem ? error.message : "The body is no JSON, or too long.";
  res.status(status).json({ error: sentence });
};

/** The status of what reading a body throws. */
function statusOf(error: unknown): number | undefined {
  const { status, type } = (error ?? {}) as { status?: unknown; type?: unknown };
  const isOfBody = typeof type === "string" && /^(entity|encoding|charset|request|stream)\./.test(type);
  return isOfBody && typeof status === "number" && status >= 400 && status < 500 ? status : undefined;
}
