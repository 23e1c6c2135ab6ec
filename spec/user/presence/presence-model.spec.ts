import { expect } from "chai";
import { createMessage, type Message, SimpUserRegistry } from "express-stomp";
import fc from "fast-check";
import { TickingClock } from "#lib/clock/ticking-clock.js";
import { EventPublisher } from "#lib/events.js";
import { PresenceStation } from "#lib/user/presence/presence.js";
import { PresenceDestinations } from "#lib/user/presence/presence-destinations.js";
import { presencePatterns, presenceSettings } from "#lib/user/presence/presence-options.js";
import { UserSessions } from "#lib/user/user-sessions.js";
import { FakeTime } from "../../support/fake-time.js";
import type { ToldPresence, ToldUser } from "../../support/presence-stage.js";
import { recordingLogger } from "../../support/recording.js";

const ROOMS = ["/topic/room/a", "/topic/room/b"] as const;
const NAMES = ["ann", "bob", "__proto__", "hidden", undefined] as const;
const GONE_AFTER = 2_000;

type Step =
  | {
      readonly kind: "connect";
      readonly session: number;
      readonly name: (typeof NAMES)[number];
      readonly remote: boolean;
    }
  | { readonly kind: "subscribe"; readonly session: number; readonly id: number; readonly room: number }
  | { readonly kind: "unsubscribe"; readonly session: number; readonly id: number }
  | { readonly kind: "end"; readonly session: number; readonly meant: boolean }
  | { readonly kind: "flip" }
  | { readonly kind: "watch"; readonly room: number }
  | { readonly kind: "pass"; readonly ms: number };

const session = fc.nat(4);
const id = fc.nat(2);
const room = fc.nat(1);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant("connect" as const),
    session,
    name: fc.constantFrom(...NAMES),
    remote: fc.boolean(),
  }),
  fc.record({ kind: fc.constant("subscribe" as const), session, id, room }),
  fc.record({ kind: fc.constant("subscribe" as const), session, id, room }),
  fc.record({ kind: fc.constant("unsubscribe" as const), session, id }),
  fc.record({ kind: fc.constant("end" as const), session, meant: fc.boolean() }),
  fc.constant({ kind: "flip" as const }),
  fc.record({ kind: fc.constant("watch" as const), room }),
  fc.record({ kind: fc.constant("pass" as const), ms: fc.constantFrom(50, 250, 1_000, 5_000) }),
);

/** What one watcher knows, made of all that it was told. */
class Replay {
  readonly room: string;
  readonly users = new Map<string, ToldUser>();
  version = 0;
  count = 0;
  isNamed = true;

  constructor(roomOfIt: string) {
    this.room = roomOfIt;
  }

  take(message: Message): void {
    const { native } = message.headers;
    const kind = native.get("presence");
    const version = Number(native.get("presence-version"));
    const told = JSON.parse(Buffer.from(message.payload).toString()) as ToldPresence;
    if (this.version > 0) expect(version).to.equal(this.version + 1);
    this.version = version;
    this.count = told.count;
    this.isNamed = kind !== "count";
    if (kind === "state") this.users.clear();
    for (const user of told.users ?? []) this.users.set(user.name, user);
    for (const user of told.joined ?? []) {
      expect(this.users.has(user.name), "joined once").to.equal(false);
      this.users.set(user.name, user);
    }
    for (const name of told.left ?? []) expect(this.users.delete(name), "left what was there").to.equal(true);
    for (const user of told.changed ?? []) {
      expect(this.users.has(user.name), "changed what was there").to.equal(true);
      this.users.set(user.name, user);
    }
    if (this.isNamed) expect(this.users.size + told.strangers).to.equal(this.count);
  }
}

class Stage {
  readonly time = new FakeTime();
  readonly sessions = new UserSessions();
  readonly watchers = new Map<string, Replay>();
  readonly station: PresenceStation;
  readonly present = new Map<string, Set<string>>();
  isHiding = true;

  constructor(namesLimit: number) {
    const destinations = new PresenceDestinations(
      presencePatterns({ destinations: ["/topic/room/*"], suffix: "presence" }, "/"),
      "presence",
      "/",
    );
    const events = new EventPublisher(recordingLogger());
    for (const [name, isThere] of [
      ["present", true],
      ["absent", false],
    ] as const) {
      events.on(name, ({ user, destination }) => {
        const there = this.present.get(destination) ?? new Set();
        this.present.set(destination, there);
        expect(there.has(user.name), `${name} twice`).to.equal(!isThere);
        if (isThere) there.add(user.name);
        else there.delete(user.name);
      });
    }
    this.station = new PresenceStation({
      settings: presenceSettings({
        destinations: ["/topic/room/*"],
        goneAfter: GONE_AFTER,
        namesLimit,
        visible: ({ name }) => name !== "hidden" || !this.isHiding,
      }),
      destinations,
      userSessions: this.sessions,
      broker: {
        takesForSubscriptions: true,
        handle: ({ payload, headers }) => {
          for (const { sessionId } of headers.forSubscriptions!)
            this.watchers.get(sessionId)!.take(createMessage(payload, headers));
        },
      },
      sessions: { room: () => undefined, feed: (deliver) => void deliver() },
      headersOf: () => undefined,
      events,
      clock: this.time,
      ticks: new TickingClock({ time: this.time }),
      logger: recordingLogger(),
      sizeLimit: 100_000,
    });
  }

  run(each: Step): void {
    switch (each.kind) {
      case "connect": {
        const sessionId = `s${each.session}`;
        if (each.remote && each.name) this.sessions.addRemote("other", sessionId, each.name);
        else this.sessions.add(sessionId, each.name === undefined ? undefined : { name: each.name });
        return;
      }
      case "subscribe":
        for (const server of [undefined, "other"]) {
          this.sessions.addSubscription(`s${each.session}`, `${each.id}`, ROOMS[each.room]!, server);
        }
        return;
      case "unsubscribe":
        for (const server of [undefined, "other"]) {
          this.sessions.removeSubscription(`s${each.session}`, `${each.id}`, server);
        }
        return;
      case "end":
        for (const server of [undefined, "other"])
          this.sessions.remove(`s${each.session}`, server, each.meant);
        return;
      case "flip":
        this.isHiding = !this.isHiding;
        this.station.refresh(this.sessions.ofServer());
        return;
      case "watch": {
        const watcher = `w${this.watchers.size}`;
        this.watchers.set(watcher, new Replay(ROOMS[each.room]!));
        this.station.watch(watcher, "p", `${ROOMS[each.room]!}/presence`);
        return;
      }
      case "pass":
        this.time.pass(each.ms);
        // All that has happened was told by then; numbers alone may come later.
        if (each.ms >= 250) for (const watcher of this.watchers.values()) this.compare(watcher);
    }
  }

  /** A watcher of names knows what the application is told. */
  compare({ room: destination, isNamed, users, count }: Replay): void {
    if (!isNamed) return;
    const there = this.station.of(destination);
    const sorted = (all: Iterable<ToldUser>) => [...all].toSorted((a, b) => (a.name < b.name ? -1 : 1));
    expect(sorted(users.values())).to.deep.equal(sorted(there.users));
    expect(count).to.equal(there.count);
  }

  /** The sessions of each user that subscribe to a room, found by a walk over all there is. */
  truth(destination: string, isHidden: boolean): Map<string, number> {
    const there = new Map<string, number>();
    for (const { name, sessions } of this.sessions.users.values()) {
      for (const { subscriptions, hiddenAt } of sessions.values()) {
        const isThere = [...subscriptions.values()].some((each) => each.destination === destination);
        if (isThere && (hiddenAt?.has(destination) ?? false) === isHidden)
          there.set(name, (there.get(name) ?? 0) + 1);
      }
    }
    return there;
  }
}

describe("Presence", () => {
  for (const namesLimit of [1_000, 1]) {
    it(`is the registry, once what was lost is given up: states and changes replayed, with namesLimit ${namesLimit}`, () => {
      fc.assert(
        fc.property(fc.array(step, { minLength: 5, maxLength: 60 }), (steps) => {
          const stage = new Stage(namesLimit);
          for (const each of steps) stage.run(each);
          // A watcher knows at every moment no more than what was told; now all is.
          stage.time.pass(GONE_AFTER + 5_000);
          const registry = new SimpUserRegistry(stage.sessions);
          for (const destination of ROOMS) {
            const walked = registry.findSubscriptions((each) => each.destination === destination);
            expect(registry.findSubscriptionsTo(destination)).to.have.members(walked);
            const shown = stage.truth(destination, false);
            const { users, strangers, count } = stage.station.of(destination);
            expect(new Map(users.map(({ name, sessions }) => [name, sessions]))).to.deep.equal(shown);
            expect(count).to.equal(shown.size + strangers);
            const all = new Set([...shown.keys(), ...stage.truth(destination, true).keys()]);
            expect(stage.present.get(destination) ?? new Set()).to.deep.equal(all);
            for (const watcher of stage.watchers.values()) {
              if (watcher.room !== destination) continue;
              expect(watcher.count).to.equal(count);
              if (!watcher.isNamed) continue;
              expect(
                new Map([...watcher.users].map(([name, { sessions }]) => [name, sessions])),
              ).to.deep.equal(shown);
            }
          }
          stage.station.close();
          expect(stage.time.waiting).to.equal(0);
        }),
        { numRuns: 1_000 },
      );
    });
  }
});
