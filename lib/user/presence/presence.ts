import type { Clock } from "../../clock/clock.js";
import type { TickingClock } from "../../clock/ticking-clock.js";
import { ConfigurationError, refusal } from "../../errors.js";
import type { EventPublisher } from "../../events.js";
import { type Logger, printable } from "../../logger.js";
import type { MessageHeaders, Principal, SessionHeaders } from "../../message/message.js";
import type { SimpSession, SimpSubscription } from "../simp-user-registry.js";
import type { StrangersChange } from "../strangers.js";
import { isHiddenAt, type SessionsListener, subscribesTo, type UserSessions } from "../user-sessions.js";
import { AwayList } from "./away.js";
import { Crowd } from "./crowd.js";
import type { Member } from "./member.js";
import { isPattern, type PresenceDestinations } from "./presence-destinations.js";
import type { PresenceSettings } from "./presence-options.js";
import { PresenceWords } from "./presence-words.js";
import { type PresentUser, Room, type RoomContext } from "./room.js";
import { Watchers, type WatchersOptions } from "./watchers.js";

export interface PresenceContext extends Omit<WatchersOptions, "unwatched" | "destinationOf"> {
  readonly settings: PresenceSettings;
  readonly destinations: PresenceDestinations;
  readonly userSessions: UserSessions;
  readonly clock: Clock;
  readonly ticks: TickingClock;
  readonly events: EventPublisher;
  readonly logger: Logger;
  /** Bytes that the users of one state may take together. */
  readonly sizeLimit: number;
  /** The headers that messages of a session carry now; `undefined` when it is not there. */
  headersOf(sessionId: string): SessionHeaders | undefined;
}

/** Those who are at a destination. */
export interface PresentAt {
  /** Users who are shown, each once, and strangers. */
  readonly count: number;
  /** As those who watch the destination are told, or soon will be. */
  readonly users: readonly PresentUser[];
  /** Sessions without a user. */
  readonly strangers: number;
  /** Users that `visible` does not show: no client is told of them. */
  readonly hidden: readonly PresentUser[];
}

/** Tells the application who is where. */
export interface Presence {
  /**
   * Gives those who subscribe to one of `presence.destinations` now, over all servers. Somebody whose line was lost is
   * there until `goneAfter` is over.
   *
   * @throws ConfigurationError when nobody is told of that destination, or without the option `presence`
   * @example
   * ```ts
   * const { users, count, strangers } = messaging.presence.of("/topic/room/7");
   * console.log(`${count} people: ${users.map(({ name }) => name).join(", ")}, and ${strangers} strangers`);
   * ```
   */
  of(destination: string): PresentAt;
}

/**
 * Tells who is where. All of it follows from the books of who is connected and what they subscribe to, here and on
 * other servers: nobody enters or leaves. What is lost is awaited before it is told as gone, and what changes is told
 * together, so people who come back are no news.
 */
export class PresenceStation implements SessionsListener, Presence {
  readonly #context: PresenceContext;
  readonly #away: AwayList;
  readonly #roomContext: RoomContext;
  readonly #words: PresenceWords;
  readonly #watchers: Watchers;
  readonly #rooms = new Map<string, Room>();
  /** All users who are connected. */
  readonly #everybody: Crowd;
  readonly #changed = new Set<Crowd>();
  readonly #unwatch: () => void;
  #stopGathering: (() => void) | undefined;
  #isClosed = false;

  constructor(context: PresenceContext) {
    const { settings, destinations, userSessions, clock, ticks, sizeLimit } = context;
    this.#context = context;
    this.#away = new AwayList(ticks, settings.goneAfter);
    this.#words = new PresenceWords(context);
    this.#roomContext = {
      away: this.#away,
      namesLimit: settings.namesLimit,
      sizeLimit,
      now: () => clock.now(),
      date: () => clock.date(),
      changed: (crowd) => this.#noteChange(crowd),
    };
    this.#everybody = new Crowd(this.#roomContext);
    this.#watchers = new Watchers({
      ...context,
      destinationOf: ({ destination }) => destinations.presenceOf(destination),
      unwatched: (room) => this.#dropIfIdle(room),
    });
    userSessions.strangers.count((destination) => destinations.isRoom(destination));
    this.#unwatch = userSessions.watch(this);
  }

  of(destination: string): PresentAt {
    const { destinations, settings } = this.#context;
    if (typeof destination !== "string" || !destinations.isRoom(destination)) {
      const all = settings.destinations.join(", ") || "none";
      throw new ConfigurationError(
        `presence.of takes one of presence.destinations (${all}), and not ${printable(String(destination))}`,
      );
    }
    const room = this.#rooms.get(destination);
    const members = [...(room?.members.values() ?? [])];
    const users = members.filter(({ sessions }) => sessions > 0).map(shownUser);
    const hidden = members.filter(({ isHidden }) => isHidden).map(hiddenUser);
    const strangers = room?.strangers ?? 0;
    return { count: users.length + strangers, users, strangers, hidden };
  }

  /** The room whose presence is told at a destination, for those who judge about it. */
  roomOf(destination: string | undefined): string | undefined {
    return destination === undefined ? undefined : this.#context.destinations.roomOf(destination);
  }

  /** Makes a SUBSCRIBE one that the broker takes for us: `undefined` when it is not for us. @throws MessageDeliveryError when it asks for what there is not */
  claim({ destination = "", sessionId, native }: MessageHeaders): Partial<MessageHeaders> | undefined {
    const room = this.roomOf(destination);
    if (room === undefined) return undefined;
    if (isPattern(destination)) {
      throw refusal(`Presence is told of one destination: ${printable(destination)} is a pattern`);
    }
    // There is nothing to catch up: a state follows.
    return { privateTo: sessionId, native: native.without("since") };
  }

  /** A subscription has been made that `claim` has claimed. */
  watch(sessionId: string, id: string, destination: string): void {
    const name = this.roomOf(destination);
    if (name === undefined || this.#isClosed) return;
    const room = this.#room(name);
    // Where nobody was told anything, there is no reason to wait.
    this.#watchers.add(sessionId, id, room, () => room.watchers.size === 0 && this.#tell(room));
  }

  unwatch(sessionId: string, id: string): void {
    this.#watchers.remove(sessionId, id);
  }

  sessionEnded(sessionId: string): void {
    this.#watchers.sessionEnded(sessionId);
  }

  came(session: SimpSession): void {
    this.#describe(session);
    this.#everybody.came(session, false);
  }

  left(session: SimpSession, isMeant: boolean): void {
    const isForGood = this.#isForGood(isMeant);
    for (const destination of new Set(roomsOf(session, this.#context.destinations))) {
      this.#leave(session, destination, isHiddenAt(session, destination), isForGood);
    }
    this.#everybody.left(session, false, isForGood, [...session.user.sessions.values()].at(-1));
  }

  subscribed({ session, destination }: SimpSubscription): void {
    const { destinations } = this.#context;
    if (!destinations.isRoom(destination) || subscribesTwice(session, destination)) return;
    this.#room(destination).came(session, isHiddenAt(session, destination));
    this.#show(session, destination);
  }

  unsubscribed({ session, destination }: SimpSubscription): void {
    if (subscribesTo(session, destination)) return;
    this.#leave(session, destination, isHiddenAt(session, destination), true);
  }

  renewed(session: SimpSession, principal: Principal): void {
    this.#refresh(session, principal);
  }

  described(session: SimpSession): void {
    for (const destination of roomsOf(session, this.#context.destinations)) {
      this.#rooms.get(destination)?.described(session);
    }
  }

  hidden(session: SimpSession, destination: string): void {
    if (!subscribesTo(session, destination)) return;
    const isHidden = isHiddenAt(session, destination);
    this.#leave(session, destination, !isHidden, true);
    this.#rooms.get(destination)?.came(session, isHidden);
  }

  strangers({ destination, by, isMeant }: StrangersChange): void {
    if (!this.#context.destinations.isRoom(destination)) return;
    this.#room(destination).strangersChanged(by, this.#isForGood(isMeant));
  }

  /** Rights have changed: asks again what is told of sessions of this server. */
  refresh(sessions: Iterable<SimpSession>): void {
    for (const session of sessions) if (session.server === undefined) this.#refresh(session);
  }

  /** This server ends. Its people are awaited, by other servers too, and nobody is told as gone here. */
  hold(): void {
    this.#away.hold();
  }

  close(): void {
    this.#isClosed = true;
    this.#unwatch();
    this.#stopGathering?.();
    this.#away.close();
    this.#changed.clear();
  }

  #leave(session: SimpSession, destination: string, isHidden: boolean, isForGood: boolean): void {
    const others = [...session.user.sessions.values()].filter(
      (each) => each !== session && subscribesTo(each, destination) && !isHiddenAt(each, destination),
    );
    this.#rooms.get(destination)?.left(session, isHidden, isForGood, others.at(-1));
  }

  #isForGood(isMeant: boolean): boolean {
    return isMeant || this.#context.settings.goneAfter === 0;
  }

  #refresh(session: SimpSession, principal?: Principal): void {
    this.#describe(session, principal);
    for (const destination of roomsOf(session, this.#context.destinations)) {
      this.#show(session, destination, principal);
    }
  }

  #describe(session: SimpSession, principal?: Principal): void {
    if (session.server !== undefined) return;
    this.#context.userSessions.describe(session.id, this.#words.info(session, principal));
  }

  #show(session: SimpSession, destination: string, principal?: Principal): void {
    if (session.server !== undefined) return;
    const isHidden = !this.#words.isVisible(session, destination, principal);
    this.#context.userSessions.hide(session.id, destination, isHidden);
  }

  #room(destination: string): Room {
    let room = this.#rooms.get(destination);
    if (!room) {
      room = new Room(destination, this.#roomContext);
      this.#rooms.set(destination, room);
    }
    return room;
  }

  #dropIfIdle(room: Room): void {
    if (room.watching > 0 || !room.isEmpty) return;
    this.#rooms.delete(room.destination);
  }

  #noteChange(crowd: Crowd): void {
    if (this.#isClosed) return;
    this.#changed.add(crowd);
    this.#gather();
  }

  #gather(): void {
    const { clock, settings } = this.#context;
    this.#stopGathering ??= clock.after(settings.gather, () => {
      this.#stopGathering = undefined;
      for (const crowd of [...this.#changed]) this.#tell(crowd);
      if (this.#changed.size > 0) this.#gather();
    });
  }

  #tell(crowd: Crowd): void {
    const room = crowd instanceof Room ? crowd : undefined;
    if (room?.isHeld) return;
    this.#changed.delete(crowd);
    const changed = crowd.take();
    const telling = room?.tell(changed);
    if (room && telling) {
      this.#watchers.tell(room, telling, () => {
        if (this.#changed.has(crowd)) this.#gather();
      });
    }
    if (room?.isOwing) this.#changed.add(crowd);
    for (const member of changed) this.#announce(member, room?.destination);
    if (room) this.#dropIfIdle(room);
  }

  #announce(member: Member, destination: string | undefined): void {
    const { isThere, isAnnounced, session } = member;
    if (isThere === isAnnounced || !session) return;
    member.isAnnounced = isThere;
    const { events } = this.#context;
    const who = { user: session.user.principal, server: session.server };
    if (destination === undefined) events.publish(isThere ? "userOnline" : "userOffline", who);
    else events.publish(isThere ? "present" : "absent", { ...who, destination });
  }
}

function* roomsOf({ subscriptions }: SimpSession, destinations: PresenceDestinations): Generator<string> {
  for (const { destination } of subscriptions.values())
    if (destinations.isRoom(destination)) yield destination;
}

/** Whether a session has another subscription to a destination beside the one it has just made. */
function subscribesTwice({ subscriptions }: SimpSession, destination: string): boolean {
  let count = 0;
  for (const each of subscriptions.values()) if (each.destination === destination && ++count > 1) return true;
  return false;
}

function shownUser({ name = "", sessions, since, session }: Member): PresentUser {
  const info = session?.info;
  return { name, sessions, since, ...(info !== undefined && { info: JSON.parse(info) as unknown }) };
}

function hiddenUser(member: Member): PresentUser {
  return { ...shownUser(member), sessions: member.hidden + (member.away?.length ?? 0) };
}
