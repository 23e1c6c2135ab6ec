import { expect } from "chai";
import {
  createMessage,
  type Message,
  type SimpSubscription,
  SimpUserRegistry,
  simpleBroker,
} from "express-stomp";
import fc from "fast-check";
import { systemClock } from "#lib/clock/clock.js";
import { EventPublisher } from "#lib/events.js";
import { Unserved } from "#lib/user/unserved.js";
import { UserClientHandler } from "#lib/user/user-client-handler.js";
import { UserMessageHandler } from "#lib/user/user-message-handler.js";
import { UserSessions } from "#lib/user/user-sessions.js";
import { recordingChannel, recordingLogger } from "../support/recording.js";

const NAMES = ["joe", "jo/e", "__proto__", undefined] as const;
const DESTINATIONS = ["/topic/a", "/topic/*", "/user/queue/x", "/user/**", "/nowhere"] as const;

type Step =
  | { readonly kind: "connect"; readonly session: number; readonly name: (typeof NAMES)[number] }
  | {
      readonly kind: "subscribe";
      readonly session: number;
      readonly id: string;
      readonly destination: string;
    }
  | { readonly kind: "unsubscribe"; readonly session: number; readonly id: string }
  | { readonly kind: "disconnect"; readonly session: number }
  | { readonly kind: "tell"; readonly name: string; readonly only: number | undefined };

const session = fc.nat(5);
const id = fc.constantFrom("1", "2", "constructor");
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant("connect" as const), session, name: fc.constantFrom(...NAMES) }),
  fc.record({
    kind: fc.constant("subscribe" as const),
    session,
    id,
    destination: fc.constantFrom(...DESTINATIONS),
  }),
  fc.record({ kind: fc.constant("unsubscribe" as const), session, id }),
  fc.record({ kind: fc.constant("disconnect" as const), session }),
  fc.record({
    kind: fc.constant("tell" as const),
    name: fc.constantFrom("joe", "jo/e", "__proto__", "nobody", "s0", "s1"),
    only: fc.option(session, { nil: undefined }),
  }),
);

/** The least that can be right: a list of who is there, with what they subscribed to. */
interface Present {
  readonly id: string;
  readonly name: string | undefined;
  readonly subscriptions: Map<string, string>;
}

function stations() {
  const { channel, messages } = recordingChannel();
  const sessions = new UserSessions();
  const broker = simpleBroker({ destinationPrefixes: ["/topic"] })({
    clientOutboundChannel: channel,
    sessions: {
      end() {},
      room: () => undefined,
      roomForLive: () => undefined,
      feed: (deliver) => void deliver(),
    },
    events: new EventPublisher(recordingLogger()),
    logger: recordingLogger(),
  });
  const unserved = new Unserved({
    applicationPrefixes: [],
    brokerPrefixes: [],
    userPrefix: "/user/",
    events: new EventPublisher(recordingLogger()),
    logger: recordingLogger(),
    clock: systemClock,
  });
  const shared = { prefix: "/user/", sessions, broker, unserved, isServedElsewhere: () => false };
  const application = new UserMessageHandler({ ...shared, isServed: () => true });
  const clients = new UserClientHandler({
    ...shared,
    messages: application,
    clientsMaySend: false,
    isOpen: () => true,
    limit: undefined,
  });
  return { application, clients, messages, sessions, registry: new SimpUserRegistry(sessions) };
}

/** What somebody knows who hears only of changes: `session id destination`. */
function heardBy(sessions: UserSessions): ReadonlySet<string> {
  const there = new Set<string>();
  const text = ({ session, id, destination }: SimpSubscription) => `${session.id} ${id} ${destination}`;
  sessions.watch({
    came: ({ id }) => there.add(id),
    left(session) {
      there.delete(session.id);
      for (const subscription of session.subscriptions.values()) there.delete(text(subscription));
    },
    subscribed: (subscription) => there.add(text(subscription)),
    unsubscribed: (subscription) => there.delete(text(subscription)),
  });
  return there;
}

function inbound(headers: Partial<Message["headers"]>): Message {
  return createMessage(new Uint8Array(0), headers);
}

describe("UserSessions", () => {
  it("is exact whoever comes and goes, and so is who hears what", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { application, clients, messages, sessions, registry } = stations();
        const heard = heardBy(sessions);
        const model: Present[] = [];
        const present = (n: number) => model.find(({ id }) => id === `s${n}`);

        for (const next of steps) {
          if (next.kind === "tell") {
            messages.length = 0;
            const only = next.only === undefined ? undefined : `s${next.only}`;
            const destination = `/user/${next.name.replace("/", "%2F")}/queue/x`;
            void application.handle(inbound({ destination, privateTo: only }));

            const strangers = model.filter(({ id, name }) => name === undefined && id === next.name);
            const meant = strangers.length > 0 ? strangers : model.filter(({ name }) => name === next.name);
            const expected = meant
              .filter(({ id }) => only === undefined || id === only)
              .flatMap(({ id, subscriptions }) =>
                [...subscriptions]
                  .filter(([, text]) => text.startsWith("/user/"))
                  .map(([subscriptionId]) => `${id} ${subscriptionId}`),
              );
            expect(
              messages.map(({ headers }) => `${headers.sessionId} ${headers.subscriptionId}`),
            ).to.have.members(expected);
            continue;
          }

          const sessionId = `s${next.session}`;
          const there = present(next.session);
          if (next.kind === "connect" && !there) {
            const user = next.name === undefined ? undefined : { name: next.name };
            void clients.handle(inbound({ messageType: "CONNECT", sessionId, user }));
            clients.connected(sessionId, user);
            model.push({ id: sessionId, name: next.name, subscriptions: new Map() });
          } else if (next.kind === "subscribe" && there) {
            const { id: subscriptionId, destination } = next;
            const subscribe = () =>
              clients.handle(inbound({ messageType: "SUBSCRIBE", sessionId, subscriptionId, destination }));
            if (destination === "/nowhere") expect(subscribe).to.throw("Nothing here serves /nowhere");
            else if (there.subscriptions.has(subscriptionId)) expect(subscribe).to.throw("is in use");
            else {
              void subscribe();
              there.subscriptions.set(subscriptionId, destination);
            }
          } else if (next.kind === "unsubscribe") {
            void clients.handle(inbound({ messageType: "UNSUBSCRIBE", sessionId, subscriptionId: next.id }));
            there?.subscriptions.delete(next.id);
          } else if (next.kind === "disconnect") {
            void clients.handle(inbound({ messageType: "DISCONNECT", sessionId }));
            if (there) model.splice(model.indexOf(there), 1);
          }

          const known = model.filter(({ name }) => name !== undefined);
          expect(registry.getUserCount()).to.equal(new Set(known.map(({ name }) => name)).size);
          expect(
            registry
              .getUsers()
              .flatMap((user) => [...user.sessions.keys()].map((id) => `${user.name} ${id}`)),
          ).to.have.members(known.map(({ id, name }) => `${name} ${id}`));
          expect(
            registry
              .findSubscriptions(() => true)
              .map((found) => `${found.session.id} ${found.id} ${found.destination}`),
          ).to.have.members(
            known.flatMap(({ id, subscriptions }) =>
              [...subscriptions].map(([subscriptionId, text]) => `${id} ${subscriptionId} ${text}`),
            ),
          );
          const shown = registry.getUsers().flatMap((user) => [...user.sessions.values()]);
          expect([...heard]).to.have.members(
            shown.flatMap(({ id, subscriptions }) => [
              id,
              ...[...subscriptions.values()].map((each) => `${id} ${each.id} ${each.destination}`),
            ]),
          );
        }
      }),
      { numRuns: 300 },
    );
  });
});
