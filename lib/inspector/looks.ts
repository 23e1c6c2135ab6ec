import type { Request, Response } from "express";
import type { SessionView, StompMessaging, SubscriptionView } from "../index.js";
import type { Visitor } from "./gate.js";
import type { InspectorSettings } from "./options.js";
import type {
  DestinationRow,
  ElsewhereRow,
  ListAnswer,
  MappingRow,
  OverviewAnswer,
  RuleAnswer,
  SessionAnswer,
  SessionRow,
  SubscriptionRow,
} from "./page/answers.js";
import { by, choiceOf, PageOf, textOf } from "./page-of.js";
import { Problem } from "./problem.js";
import type { Walks } from "./walks.js";

/** So many entries one question reads. */
const ENTRY_LIMIT = 500_000;
/** So many destinations one question tells apart. */
const DESTINATION_LIMIT = 50_000;
const SUBSCRIPTION_ROWS = 1_000;

/** The parts that the answers are made of. */
export interface LooksContext {
  readonly messaging: StompMessaging;
  readonly settings: InspectorSettings;
  readonly walks: Walks;
  /** The paths of the endpoints. */
  readonly endpoints: readonly string[];
}

const SESSION_ORDERS = {
  since: by<SessionRow>(({ since }) => -Date.parse(since)),
  user: by<SessionRow>(({ user = "\uffff" }) => user),
  waiting: by<SessionRow>(({ bytesWaiting }) => bytesWaiting),
  received: by<SessionRow>(({ framesReceived }) => framesReceived),
  sent: by<SessionRow>(({ framesSent }) => framesSent),
  address: by<SessionRow>(({ address }) => address),
  transport: by<SessionRow>(({ transport }) => transport),
};

const DESTINATION_ORDERS = {
  subscriptions: by<DestinationRow>(({ subscriptions }) => subscriptions),
  destination: by<DestinationRow>(({ destination }) => destination),
  waiting: by<DestinationRow>(({ waiting }) => waiting?.messages ?? 0),
  unacknowledged: by<DestinationRow>(({ unacknowledged }) => unacknowledged),
  kept: by<DestinationRow>(({ history, retained }) => (history?.bytes ?? 0) + (retained?.bytes ?? 0)),
};

/** Gives the state of this server, and what the visitor may do. */
export function overview({ messaging, endpoints }: LooksContext, { name, allowed }: Visitor): OverviewAnswer {
  const { status, since, isBrokerAvailable } = messaging.health();
  return {
    by: name,
    allowed,
    status,
    statusSince: since.toISOString(),
    isBrokerAvailable,
    now: new Date().toISOString(),
    users: messaging.userRegistry.getUserCount(),
    endpoints,
    stats: { ...messaging.stats() },
  };
}

/** Lists the sessions of this server. */
export async function sessions(
  context: LooksContext,
  req: Request,
  res: Response,
): Promise<ListAnswer<SessionRow>> {
  const { messaging, walks } = context;
  const user = textOf(req, "user");
  const transport = textOf(req, "transport");
  const destination = textOf(req, "destination");
  const order = choiceOf(req, "sort", Object.keys(SESSION_ORDERS) as (keyof typeof SESSION_ORDERS)[]);
  const page = new PageOf<SessionRow>(req, SESSION_ORDERS[order]);
  const { inspection } = messaging;
  const isGone = () => res.destroyed;
  const hearing = destination === "" ? undefined : await hearersOf(destination, context, isGone);
  const { count, isCut } = await walks.over(inspection.sessions(), {
    most: ENTRY_LIMIT,
    isGone,
    look: (session) => {
      if (user !== "" && session.user?.name !== user && session.id !== user) return;
      if (transport !== "" && session.transport !== transport) return;
      if (hearing && !hearing.has(session.id)) return;
      page.add(rowOf(session));
    },
  });
  return page.answer(count, isCut);
}

/** @throws Problem when it is not here */
export async function session(
  { messaging, walks }: LooksContext,
  id: string,
  res: Response,
): Promise<SessionAnswer> {
  const found = messaging.inspection.session(id);
  if (!found) {
    throw new Problem(
      404,
      "There is no such session on this server: it may have ended, or be on another one.",
    );
  }
  const subscriptions: SubscriptionRow[] = [];
  const { count } = await walks.over(messaging.inspection.subscriptions(id), {
    most: ENTRY_LIMIT,
    isGone: () => res.destroyed,
    look: ({ sessionId, ...row }) => {
      if (subscriptions.length < SUBSCRIPTION_ROWS) subscriptions.push(row);
    },
  });
  return { session: rowOf(found), subscriptions, subscriptionCount: count };
}

/** Lists the users' sessions that other servers have told of. */
export async function elsewhere(
  { messaging, walks }: LooksContext,
  req: Request,
  res: Response,
): Promise<ListAnswer<ElsewhereRow>> {
  const page = new PageOf<ElsewhereRow>(
    req,
    by(({ server, user }) => `${server} ${user}`),
  );
  const { count, isCut } = await walks.over(sessionsElsewhere(messaging), {
    most: ENTRY_LIMIT,
    isGone: () => res.destroyed,
    look: (row) => {
      if (row) page.add(row);
    },
  });
  return page.answer(count, isCut);
}

/** Each user's sessions, and nothing for each that is here, so that a walk over many gives way. */
function* sessionsElsewhere({ userRegistry }: StompMessaging): Generator<ElsewhereRow | undefined> {
  for (const user of userRegistry.getUsers()) {
    for (const { id, server } of user.sessions.values()) {
      yield server === undefined ? undefined : { server, user: user.name, sessionId: id };
    }
  }
}

/** Lists destinations by who hears them, what waits, and what is kept. */
export async function destinations(
  { messaging, walks }: LooksContext,
  req: Request,
  res: Response,
): Promise<ListAnswer<DestinationRow>> {
  const part = textOf(req, "q");
  const order = choiceOf(req, "sort", Object.keys(DESTINATION_ORDERS) as (keyof typeof DESTINATION_ORDERS)[]);
  const { inspection } = messaging;
  const found = new Map<string, Writable<DestinationRow>>();
  let isCut = false;
  const rowFor = (destination: string, isPrivate: boolean) => {
    if (!destination.includes(part)) return undefined;
    const row = found.get(destination);
    if (row) return row;
    if (found.size >= DESTINATION_LIMIT) {
      isCut = true;
      return undefined;
    }
    const made: Writable<DestinationRow> = { destination, isPrivate, subscriptions: 0, unacknowledged: 0 };
    found.set(destination, made);
    return made;
  };
  const walk = async <Entry>(entries: Iterable<Entry>, look: (entry: Entry) => void) => {
    const walked = await walks.over(entries, { most: ENTRY_LIMIT, isGone: () => res.destroyed, look });
    isCut ||= walked.isCut;
  };
  await walk(inspection.subscriptions(), ({ destination, isPrivate, unacknowledged = 0 }) => {
    const row = rowFor(destination, isPrivate);
    if (!row) return;
    row.subscriptions++;
    row.unacknowledged += unacknowledged;
  });
  await walk(inspection.queues(), ({ destination, messages, bytes, since }) => {
    const row = rowFor(destination, false);
    if (row) row.waiting = { messages, bytes, since: since.toISOString() };
  });
  await walk(inspection.kept(), ({ kind, destination, user, messages, bytes }) => {
    const row = rowFor(destination, user !== undefined);
    if (!row) return;
    // Each user has one of their own.
    row[kind] = { messages: (row[kind]?.messages ?? 0) + messages, bytes: (row[kind]?.bytes ?? 0) + bytes };
  });
  const page = new PageOf<DestinationRow>(req, DESTINATION_ORDERS[order]);
  await walk(found.values(), (row) => page.add(row));
  return page.answer(found.size, isCut);
}

/** Lists the methods of controllers. */
export function mappings({ messaging }: LooksContext): readonly MappingRow[] {
  return messaging.description.methods.flatMap(({ name, type, mappings: mapped, payload, authorize }) =>
    type === "EXCEPTION"
      ? []
      : {
          command: type === "MESSAGE" ? "SEND" : type,
          destinations: mapped.map(({ destination }) => destination),
          method: name,
          authorize: authorize?.text,
          payload: payload && (payload.schema ? payload.schema["~standard"].vendor : nameOf(payload.type)),
          replies: mapped.flatMap(({ replies }) => replies.flatMap(({ destination }) => destination ?? [])),
        },
  );
}

/** The compiler notes `Object` for whatever it has no class of. */
function nameOf(type: { readonly name: string } | undefined): string | undefined {
  return type?.name === "Object" ? undefined : type?.name;
}

/** Says whether somebody may send or hear, and which rule decides. */
export async function rules(context: LooksContext, req: Request, res: Response): Promise<RuleAnswer> {
  const { messaging, settings } = context;
  const name = textOf(req, "user");
  const destination = textOf(req, "destination");
  const command = choiceOf(req, "command", ["SUBSCRIBE", "SEND"]);
  if (destination === "")
    throw new Problem(400, "destination is missing: say what it is about, such as /topic/news.");

  const known =
    name === ""
      ? undefined
      : (messaging.userRegistry.getUser(name)?.principal ?? (await settings.findUser?.(name)) ?? undefined);
  const user = name === "" ? undefined : (known ?? { name });
  const explanation = await messaging.inspection.explain(user, command, destination);
  const hearers = await hearersOf(destination, context, () => res.destroyed);
  return {
    ...explanation,
    asWhom: name === "" ? "stranger" : known ? "user" : "name",
    heardBy: hearers.size,
  };
}

/** The sessions that hear a destination, or that have subscribed to a pattern by just this text. */
async function hearersOf(
  destination: string,
  { messaging: { inspection }, walks }: LooksContext,
  isGone: () => boolean,
): Promise<Set<string>> {
  const hearers = new Set<string>();
  const note = (sessionId: string) => void hearers.add(sessionId);
  await walks.over(inspection.receivers(destination) ?? [], { most: ENTRY_LIMIT, isGone, look: note });
  // A broker elsewhere cannot tell who hears what, and nobody else hears what is a user's own.
  const look = (each: SubscriptionView) => {
    if (each.destination === destination) note(each.sessionId);
  };
  await walks.over(inspection.subscriptions(), { most: ENTRY_LIMIT, isGone, look });
  return hearers;
}

type Writable<T> = { -readonly [Name in keyof T]: T[Name] };

function rowOf({ user, since, ...session }: SessionView): SessionRow {
  return { ...session, user: user?.name, since: since.toISOString() };
}
