import type { SimpSession } from "../simp-user-registry.js";
import type { Away } from "./away.js";

/** A user in one room, with all sessions there; or the strangers in it, all together. */
export class Member {
  /** `undefined` of strangers. */
  readonly name: string | undefined;
  /** From when on somebody of this name is there, in ms since 1970. */
  since: number;
  /** Sessions that are there and shown, and that are there and are not. */
  shown = 0;
  hidden = 0;
  /** Sessions that were lost and are awaited, the oldest first. */
  away: Away[] | undefined;
  /** The session that came last of those that are there, shown ones first, for what is said of the user; if none is, one that has gone. */
  session: SimpSession | undefined;
  /** The sessions that watchers were told last, and the info; 0 when they know of none. */
  told = 0;
  toldInfo: string | undefined;
  /** Whether the application was told that the user is there. */
  isAnnounced = false;

  constructor(name: string | undefined, since: number) {
    this.name = name;
    this.since = since;
  }

  /** How many sessions are to be told of: those that are awaited are there still. */
  get sessions(): number {
    return this.shown + this.#away(false);
  }

  get isThere(): boolean {
    return this.shown + this.hidden > 0 || this.away !== undefined;
  }

  /** Whether there are sessions of the user, and all are hidden. */
  get isHidden(): boolean {
    return this.sessions === 0 && this.isThere;
  }

  /** One more is there; one that is awaited has come back with it. */
  came(isHidden: boolean, session?: SimpSession): void {
    const back = this.away?.find((away) => away.isHidden === isHidden);
    if (back) {
      back.isOver = true;
      this.forget(back);
    }
    if (isHidden) this.hidden++;
    else this.shown++;
    if (session && (!isHidden || this.sessions === 0)) this.session = session;
  }

  left(isHidden: boolean): void {
    if (isHidden) this.hidden--;
    else this.shown--;
  }

  /** One that was there is awaited. */
  awaits(away: Away): void {
    if (this.away) this.away.push(away);
    else this.away = [away];
  }

  /** It is awaited no more. */
  forget(away: Away): void {
    const { away: all } = this;
    if (all?.[0] === away) all.shift();
    else all?.splice(all.indexOf(away), 1);
    if (all?.length === 0) this.away = undefined;
  }

  #away(isHidden: boolean): number {
    let count = 0;
    for (const away of this.away ?? []) if (away.isHidden === isHidden) count++;
    return count;
  }
}
