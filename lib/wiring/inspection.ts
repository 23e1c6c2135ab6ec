import type { Broker } from "../broker/broker.js";
import type { ControllerHandler } from "../controller/controller-handler.js";
import { ConfigurationError } from "../errors.js";
import type { EventPublisher } from "../events.js";
import { printable } from "../logger.js";
import { createMessage, type Message, NO_PAYLOAD } from "../message/message.js";
import type { FrameTaps } from "../observe/frame-taps.js";
import type { Inspection } from "../observe/inspection.js";
import type { AccessExplanation, InspectionAct, TapTarget } from "../observe/views.js";
import type { ResolvedOptions } from "../options/resolve-options.js";
import type { AccessControl } from "../security/access-control.js";
import type { SessionRegistry } from "../session/session-registry.js";

export interface InspectionContext {
  readonly sessions: SessionRegistry;
  readonly broker: Broker;
  readonly controllers: ControllerHandler | undefined;
  readonly access: AccessControl;
  readonly taps: FrameTaps;
  readonly events: EventPublisher;
}

/** Makes the view of all stations that tools of the staff have. */
export function makeInspection(options: ResolvedOptions, context: InspectionContext): Inspection {
  const { sessions, broker, taps } = context;
  return {
    sessions: () => sessions.views(),
    session: (sessionId) => sessions.viewOf(sessionId),
    subscriptions: (sessionId) => broker.subscriptions?.(sessionId) ?? [],
    queues: () => broker.queues?.() ?? [],
    kept: () => broker.kept?.() ?? [],
    receivers: (destination) => broker.receivers?.(destination),
    explain: (user, command, destination) => {
      const messageType = command === "SEND" ? "MESSAGE" : "SUBSCRIBE";
      return explain(createMessage(NO_PAYLOAD, { messageType, destination, user }), options, context);
    },
    tap(target, listener) {
      checkTarget(target);
      return taps.add(target, listener);
    },
    acted: (act) => announce(act, options, context),
  };
}

async function explain(
  message: Message,
  { userDestinationPrefix, clientsMaySendToUsers }: ResolvedOptions,
  { access, broker, controllers }: InspectionContext,
): Promise<AccessExplanation> {
  const { messageType, destination = "" } = message.headers;
  const method = controllers?.methodFor(message.headers);
  const { granted, rule, reason, asked } = await access.explain(message, method);
  const isUsers = destination.startsWith(userDestinationPrefix);
  const isForbidden = granted && isUsers && messageType === "MESSAGE" && !method && !clientsMaySendToUsers;
  const servedBy = method
    ? "controllers"
    : isUsers
      ? "users"
      : broker.serves?.({ messageType, destination }) !== false
        ? "broker"
        : undefined;
  return {
    granted: granted && !isForbidden,
    rule: isForbidden ? "clients may not send to users, unless clientsMaySendToUsers says so" : rule,
    reason: reason?.message,
    asked: asked.map((each) => ({ rule: each.rule, granted: each.granted })),
    servedBy,
    method: method?.method,
  };
}

function announce(act: InspectionAct, { logger }: ResolvedOptions, { events }: InspectionContext): void {
  const target = Object.entries(act.target).map(([name, value]) => ` ${name} ${printable(value)}`);
  const reason = act.reason === undefined ? "" : `: ${printable(act.reason)}`;
  logger.info(`${printable(act.by ?? "somebody")} ${act.action}${target.join("")}, ${act.outcome}${reason}`);
  events.publish("inspected", act);
}

function checkTarget(target: TapTarget): void {
  const { sessionId, destination } = (target ?? {}) as { sessionId?: unknown; destination?: unknown };
  if ((typeof sessionId === "string") !== (typeof destination === "string")) return;
  throw new ConfigurationError('tap takes { sessionId: "…" } or { destination: "…" }');
}
