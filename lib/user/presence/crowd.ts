import type { SimpSession } from "../simp-user-registry.js";
import type { Away, AwayList } from "./away.js";
import { Member } from "./member.js";

export interface CrowdContext {
  readonly away: AwayList;
  /** Ms since 1970. */
  date(): number;
  /** Hears that something changed. */
  changed(crowd: Crowd): void;
}

/** Those who are somewhere: in a room, or connected at all. It keeps who of them changed until that is told. */
export class Crowd {
  readonly members = new Map<string, Member>();
  readonly #context: CrowdContext;
  readonly #changed = new Set<Member>();
  #strangers: Member | undefined;

  constructor(context: CrowdContext) {
    this.#context = context;
  }

  /** How many strangers are there; those who are awaited, too. */
  get strangers(): number {
    return this.#strangers?.sessions ?? 0;
  }

  get isEmpty(): boolean {
    return this.members.size === 0 && this.#strangers === undefined;
  }

  came(session: SimpSession, isHidden: boolean): void {
    const { name } = session.user;
    let member = this.members.get(name);
    if (!member) {
      member = new Member(name, this.#context.date());
      this.members.set(name, member);
    }
    member.came(isHidden, session);
    this.#note(member);
  }

  /**
   * @param isMeant whether it is not awaited
   * @param other a session of the same user that is there still, and shown: it speaks for the user from now on
   */
  left({ user: { name } }: SimpSession, isHidden: boolean, isMeant: boolean, other?: SimpSession): void {
    const member = this.members.get(name);
    if (!member) return;
    if (other) member.session = other;
    this.#left(member, isHidden, isMeant);
  }

  /** So many more strangers are there; below 0 so many fewer. */
  strangersChanged(by: number, isMeant: boolean): void {
    this.#strangers ??= new Member(undefined, this.#context.date());
    for (let more = by; more > 0; more--) this.#strangers.came(false);
    for (let fewer = by; fewer < 0; fewer++) this.#left(this.#strangers, false, isMeant);
    this.#note(this.#strangers);
  }

  /** Something else is said of a session that is there. */
  described({ user }: SimpSession): void {
    const member = this.members.get(user.name);
    if (member) this.#note(member);
  }

  /** Gives those who changed since it was asked last, and forgets those of them who are gone. */
  take(): Member[] {
    const changed = [...this.#changed];
    this.#changed.clear();
    for (const member of changed) {
      if (member.isThere) continue;
      if (member.name === undefined) this.#strangers = undefined;
      else this.members.delete(member.name);
    }
    return changed;
  }

  #left(member: Member, isHidden: boolean, isMeant: boolean): void {
    const { away, changed } = this.#context;
    member.left(isHidden);
    if (!isMeant) {
      const awaited: Away = {
        due: 0,
        isHidden,
        isOver: false,
        expire: () => {
          member.forget(awaited);
          this.#note(member);
        },
      };
      member.awaits(awaited);
      away.add(awaited);
    }
    this.#changed.add(member);
    changed(this);
  }

  #note(member: Member): void {
    this.#changed.add(member);
    this.#context.changed(this);
  }
}
