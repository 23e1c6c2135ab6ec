import { fakeClock } from "express-stomp/testing";
import { TickingClock } from "#lib/clock/ticking-clock.js";
import { EventPublisher } from "#lib/events.js";
import { PresenceStation } from "#lib/user/presence/presence.js";
import { PresenceDestinations } from "#lib/user/presence/presence-destinations.js";
import { presencePatterns, presenceSettings } from "#lib/user/presence/presence-options.js";
import { UserSessions } from "#lib/user/user-sessions.js";

const ROOM = "/topic/room/7";

/** A room of so many people that somebody watches; gives what lets so many come and go, each told to who watches. */
export function presenceOf(people: number): (count: number) => void {
  const sessions = new UserSessions();
  const clock = fakeClock();
  const logger = { debug() {}, info() {}, warn() {}, error() {} };
  const destinations = ["/topic/room/*"];
  const patterns = presencePatterns({ destinations, suffix: "presence" }, "/");
  const station = new PresenceStation({
    settings: presenceSettings({ destinations, namesLimit: 2 * people }),
    destinations: new PresenceDestinations(patterns, "presence", "/"),
    userSessions: sessions,
    broker: { takesForSubscriptions: true, handle() {} },
    sessions: { room: () => undefined, feed: (deliver) => void deliver() },
    headersOf: () => undefined,
    events: new EventPublisher(logger),
    clock,
    ticks: new TickingClock({ time: clock }),
    logger,
    sizeLimit: 10_000_000,
  });
  const come = (id: string) => {
    sessions.add(id, { name: `user-${id}` });
    sessions.addSubscription(id, "0", ROOM);
  };
  for (let i = 0; i < people; i++) come(`s${i}`);
  station.watch("watcher", "p", `${ROOM}/presence`);
  return (count) => {
    for (let i = 0; i < count; i++) {
      come(`new-${i}`);
      sessions.remove(`new-${i}`, undefined, true);
    }
  };
}
