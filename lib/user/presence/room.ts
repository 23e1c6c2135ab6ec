import { Crowd, type CrowdContext } from "./crowd.js";
import type { Member } from "./member.js";

/** One user, as the application and watchers are told of one who is there. */
export interface PresentUser {
  readonly name: string;
  /** Sessions of the user that are there. */
  readonly sessions: number;
  /** From when on this server knows the user to be there, in ms since 1970. */
  readonly since: number;
  /** The value that `presence.info` has given for the session that came last. */
  readonly info?: unknown;
}

/** One subscription that watches a room. */
export interface Watcher {
  readonly sessionId: string;
  readonly id: string;
}

/** One MESSAGE to watchers. */
export interface Telling {
  readonly kind: "state" | "diff" | "count";
  readonly version: number;
  /** JSON. */
  readonly payload: Uint8Array;
}

export interface RoomContext extends CrowdContext {
  readonly namesLimit: number;
  /** Bytes that the users of a state may take together. */
  readonly sizeLimit: number;
  /** Ms, never going back. */
  now(): number;
}

/** Numbers alone are told at most so often, in ms. */
const COUNT_EVERY = 1_000;
/** Names are told again when there are so much fewer than the limit: one person who comes and goes is no new state for all. */
const MARGIN = 0.9;
/** Bytes of JSON around a name and its `info`. */
const ENTRY = 64;

/** Those who subscribe to one destination, as its watchers were told of them. */
export class Room extends Crowd {
  readonly destination: string;
  /** Those who have been given a state, and are told what changes. */
  readonly watchers = new Set<Watcher>();
  /** How many subscriptions there are, also of those that wait for their state. */
  watching = 0;
  /** Watchers are behind with what they were told, and more is gathered until they are not. */
  isHeld = false;
  readonly #settings: RoomContext;
  #version = 1;
  /** How many were told by name, and about how long their entries are. */
  #users = 0;
  #size = 0;
  #toldStrangers = 0;
  #isNamed = true;
  #countAt = 0;
  /** Numbers have changed, and were not told yet. */
  #owesCount = false;
  /** Of this version. */
  #state: Telling | undefined;

  constructor(destination: string, context: RoomContext) {
    super(context);
    this.destination = destination;
    this.#settings = context;
  }

  /** All who were told to be there, as the last change has left it: what changed since comes as a change. */
  get state(): Telling {
    this.#state ??= this.#isNamed ? this.#tell("state", this.#all()) : this.#tell("count", {});
    return this.#state;
  }

  /** Numbers are owed, and it is too early to tell them. */
  get isOwing(): boolean {
    return this.#owesCount;
  }

  /** Takes what changed over into what is told, and gives that if there is something. */
  tell(changed: readonly Member[]): Telling | undefined {
    const before = this.#toldStrangers;
    const joined: string[] = [];
    const left: string[] = [];
    const others: string[] = [];
    for (const member of changed) {
      const was = member.told;
      const wasInfo = member.toldInfo;
      this.#note(member);
      if (member.name === undefined) continue;
      if (was === 0 && member.told > 0) joined.push(entryOf(member));
      else if (was > 0 && member.told === 0) left.push(JSON.stringify(member.name));
      else if (was !== member.told || wasInfo !== member.toldInfo) others.push(entryOf(member));
    }
    const isChanged = joined.length + left.length + others.length > 0 || before !== this.#toldStrangers;
    if (isChanged) this.#state = undefined;
    return this.#next(isChanged, { joined, left, changed: others });
  }

  #note(member: Member): void {
    const { sessions } = member;
    if (member.name === undefined) {
      this.#toldStrangers = sessions;
      member.told = sessions;
      return;
    }
    if (member.told > 0) {
      this.#users--;
      this.#size -= sizeOf(member);
    }
    member.told = sessions;
    member.toldInfo = member.session?.info;
    if (sessions > 0) {
      this.#users++;
      this.#size += sizeOf(member);
    }
  }

  #next(isChanged: boolean, parts: Readonly<Record<string, readonly string[]>>): Telling | undefined {
    const { now, sizeLimit } = this.#settings;
    const wasNamed = this.#isNamed;
    this.#isNamed = this.#mayBeNamed;
    if (this.#isNamed) {
      this.#owesCount = false;
      if (!isChanged) return undefined;
      this.#version++;
      const diff = wasNamed ? this.#tell("diff", parts) : undefined;
      return diff && diff.payload.length <= sizeLimit ? diff : this.state;
    }
    this.#owesCount ||= isChanged;
    if (!this.#owesCount || (!wasNamed && now() < this.#countAt)) return undefined;
    this.#owesCount = false;
    this.#countAt = now() + COUNT_EVERY;
    this.#version++;
    this.#state = undefined;
    return this.state;
  }

  get #mayBeNamed(): boolean {
    const { namesLimit, sizeLimit } = this.#settings;
    const part = this.#isNamed ? 1 : MARGIN;
    return this.#users <= namesLimit * part && this.#size <= sizeLimit * part;
  }

  #all(): Readonly<Record<string, readonly string[]>> {
    const users: string[] = [];
    for (const member of this.members.values()) if (member.told > 0) users.push(entryOf(member));
    return { users };
  }

  #tell(kind: Telling["kind"], lists: Readonly<Record<string, readonly string[]>>): Telling {
    const count = this.#users + this.#toldStrangers;
    const parts = Object.entries(lists).map(([name, entries]) => `"${name}":[${entries.join(",")}]`);
    const body = `{${[`"count":${count}`, `"strangers":${this.#toldStrangers}`, ...parts].join(",")}}`;
    return { kind, version: this.#version, payload: Buffer.from(body) };
  }
}

/** A user as told last. */
function entryOf({ name, told, since, toldInfo }: Member): string {
  const info = toldInfo === undefined ? "" : `,"info":${toldInfo}`;
  return `{"name":${JSON.stringify(name)},"sessions":${told},"since":${since}${info}}`;
}

function sizeOf({ name = "", toldInfo = "" }: Member): number {
  return ENTRY + Buffer.byteLength(name) + Buffer.byteLength(toldInfo);
}
