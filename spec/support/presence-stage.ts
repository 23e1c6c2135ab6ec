import { setImmediate as nextTurn } from "node:timers/promises";
import type { MessagingEvents, PresenceOptions, StompMessagingOptions } from "express-stomp";
import { FakeTime } from "./fake-time.js";
import type { RawClient } from "./raw-client.js";
import { parseFrame } from "./stomp-session.js";
import { type Users, withUsers } from "./users.js";

export const ROOM = "/topic/room/7";

/** What a watcher was told: the kind, the version, and the JSON of the body. */
export interface ToldPresence {
  readonly kind: string | undefined;
  readonly version: number;
  readonly count: number;
  readonly strangers: number;
  readonly users?: readonly ToldUser[];
  readonly joined?: readonly ToldUser[];
  readonly left?: readonly string[];
  readonly changed?: readonly ToldUser[];
}

export interface ToldUser {
  readonly name: string;
  readonly sessions: number;
  readonly since: number;
  readonly info?: unknown;
}

type Client = RawClient & { readonly sessionId: string };

/** A server with presence, whose time stands until it is told to pass. */
export class PresenceStage {
  readonly time: FakeTime;
  readonly users: Users;
  /** The events of presence, as `name user destination`. */
  readonly events: string[] = [];

  private constructor(users: Users, time: FakeTime) {
    this.users = users;
    this.time = time;
    const note =
      (name: string) =>
      ({ user, destination = "" }: { user: { name: string }; destination?: string }) => {
        this.events.push(`${name} ${user.name} ${destination}`.trimEnd());
      };
    for (const name of ["userOnline", "userOffline", "present", "absent"] as const) {
      users.server.messaging.on(name, note(name) as (event: MessagingEvents[typeof name]) => void);
    }
  }

  static async open(
    presence: PresenceOptions = {},
    options: Partial<StompMessagingOptions> = {},
    time = new FakeTime(),
  ): Promise<PresenceStage> {
    const users = await withUsers({
      clock: time,
      presence: { destinations: ["/topic/room/*"], ...presence },
      ...options,
    });
    return new PresenceStage(users, time);
  }

  get messaging() {
    return this.users.server.messaging;
  }

  get log(): readonly string[] {
    return this.users.server.log;
  }

  /** Connects a person who subscribes to the room, or a stranger. */
  async join(name?: string, room = ROOM): Promise<Client> {
    const client = await this.users.connect(name);
    client.send(`SUBSCRIBE\nid:room\ndestination:${room}\n\n^@`);
    await client.synchronize();
    return client;
  }

  /** Connects somebody who only watches the room; gives what was told at once, too. */
  async watch(name = "watcher", room = ROOM): Promise<{ watcher: Client; state: ToldPresence }> {
    const watcher = await this.users.connect(name);
    watcher.send(`SUBSCRIBE\nid:presence\ndestination:${room}/presence\n\n^@`);
    const [state] = await this.told(watcher);
    if (!state) throw new Error("no state was told");
    return { watcher, state };
  }

  /** Lets a line break; is done when the server has noticed. */
  async cut(client: Client): Promise<void> {
    await this.#gone(client, () => client.cut());
  }

  /** Lets a client say goodbye. */
  async leave(client: Client): Promise<void> {
    await this.#gone(client, () => client.send("DISCONNECT\n\n^@"));
  }

  /** Lets time pass by ticks, so that what it begins goes on. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 250) {
      this.time.pass(Math.min(250, ms - passed));
      await nextTurn();
    }
  }

  /** What a watcher was told since it was asked last. */
  async told(watcher: RawClient): Promise<ToldPresence[]> {
    return (await watcher.synchronize()).filter((frame) => frame !== "\n").map(toldBy);
  }

  close(): Promise<void> {
    return this.users.close();
  }

  async #gone(client: Client, end: () => void): Promise<void> {
    const gone = new Promise<void>((resolve) => {
      const stop = this.messaging.on("disconnect", ({ sessionId }) => {
        if (sessionId !== client.sessionId) return;
        stop();
        resolve();
      });
    });
    end();
    await gone;
  }
}

/** Reads a MESSAGE of presence. */
export function toldBy(frame: string): ToldPresence {
  const { command, headers, body } = parseFrame(frame);
  if (command !== "MESSAGE") throw new Error(`${command} instead of MESSAGE: ${frame}`);
  const version = Number(headers.get("presence-version"));
  return { kind: headers.get("presence"), version, ...(JSON.parse(body) as object) } as ToldPresence;
}

/** The names of users, with their sessions where that is not one: `ann bob*2`. */
export function names(users: readonly ToldUser[] = []): string {
  return users
    .map(({ name, sessions }) => (sessions === 1 ? name : `${name}*${sessions}`))
    .toSorted()
    .join(" ");
}

/** What was told, in short: `3: +ann ~bob*2 -rod`. */
export function short({ kind, version, users, joined, left, changed, count }: ToldPresence): string {
  if (kind === "state") return `${version}: ${names(users)}`;
  if (kind === "count") return `${version}: ${count}`;
  const marked = [
    ...(joined ?? []).map((user) => `+${names([user])}`),
    ...(changed ?? []).map((user) => `~${names([user])}`),
    ...(left ?? []).map((name) => `-${name}`),
  ];
  return `${version}: ${marked.toSorted().join(" ")}`;
}
