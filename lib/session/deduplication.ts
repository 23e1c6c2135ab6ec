import type { TickingClock, Watched } from "../clock/ticking-clock.js";
import { refusal, StompConversionError } from "../errors.js";
import { printable } from "../logger.js";
import type { Principal } from "../message/message.js";
import { ownText } from "../own-text.js";
import type { Frame } from "../stomp/frame.js";
import type { SessionStats } from "./session-stats.js";

/** How long an id is remembered once its SEND was handled, in ms; and how often what is older is forgotten. */
const WINDOW = 5 * 60_000;
const SWEEP = 60_000;
/** Ids of one user that are remembered. */
const IDS_OF_A_USER = 1_000;
/** Bytes of all ids that are remembered, and about what one takes beside its characters. */
const BYTES = 16 * 1024 * 1024;
const ENTRY_BYTES = 256;

/** The session of a frame, and the user whose ids count for it. */
interface Sender {
  readonly id: string;
  readonly user: Principal | undefined;
}

/** The claim of one frame is told what becomes of that, once. */
export interface Claim {
  succeed(): void;
  fail(): void;
}

/** One id of a user. */
interface Entry extends Claim {
  readonly id: string;
  readonly user: UserIds;
  /** When its SEND was handled, by the clock; `undefined` until then. */
  handledAt: number | undefined;
  /** The open transaction that its SEND is for, and whether that has it. */
  heldBy: Held | undefined;
  isHeld: boolean;
  /** Wakes those who wait for what becomes of it. */
  waiting: (() => void)[] | undefined;
}

/** The ids of one user: those at work, then those that were handled, the oldest first. */
interface UserIds {
  readonly owner: string;
  readonly entries: Map<string, Entry>;
}

/** The claims of the SENDs of one open transaction: COMMIT decides about them. */
interface Held extends Claim {
  readonly session: Sender;
  readonly transaction: string;
  readonly entries: Set<Entry>;
}

/**
 * The `dedup-id`s of SENDs that users have sent: each is handled once within
 * five minutes, whatever session of its user repeats it. A SEND that has
 * failed is forgotten at once, so that a repeat is handled anew; one in a
 * transaction is handled when COMMIT is.
 *
 * A stranger's ids are those of the session, and end with it.
 */
export class Deduplication implements Watched {
  readonly shortest = SWEEP;
  /** The user who has sent nothing for longest stands first. */
  readonly #users = new Map<string, UserIds>();
  readonly #held = new Map<Sender, Map<string, Held>>();
  readonly #clock: TickingClock;
  readonly #stats: SessionStats;
  #bytes = 0;
  #sweepAt = 0;

  constructor(clock: TickingClock, stats: SessionStats) {
    this.#clock = clock;
    this.#stats = stats;
  }

  /**
   * Claims what a frame stands for: nothing, or an id, or those of its
   * transaction. Gives a promise while another frame has that claim, after
   * which it is to be asked again; and `"handled"` for a repeat.
   *
   * @throws StompConversionError when the id is none
   */
  claim(frame: Frame, session: Sender): Claim | Promise<void> | "handled" | undefined {
    const { command } = frame;
    if (command === "SEND") return this.#claimId(frame, session);
    if (command !== "COMMIT" && command !== "ABORT") return undefined;

    const held = this.#take(frame, session);
    if (command === "COMMIT") return held;
    return held && { succeed: () => held.fail(), fail: () => held.fail() };
  }

  /** All of a session was handled: what it has not committed is nobody's. */
  gone(session: Sender): void {
    for (const held of [...(this.#held.get(session)?.values() ?? [])]) held.fail();
    // A stranger comes back as another one.
    const ids = this.#users.get(strangerOf(session));
    for (const entry of [...(ids?.entries.values() ?? [])]) this.#forget(entry);
  }

  begin(): void {
    this.#sweepAt = this.#clock.trueNow + SWEEP;
  }

  /** Forgets what is older than five minutes. */
  check(): void {
    const now = this.#clock.trueNow;
    if (now < this.#sweepAt) return;

    this.#sweepAt = now + SWEEP;
    for (const { entries } of [...this.#users.values()]) {
      for (const entry of [...entries.values()]) {
        if (entry.handledAt === undefined) continue;
        if (!this.#isOver(entry)) break;
        this.#forget(entry);
      }
    }
  }

  #claimId(frame: Frame, session: Sender): Claim | Promise<void> | "handled" | undefined {
    const id = frame.headers.get("dedup-id");
    if (id === undefined) return undefined;
    if (id === "") throw new StompConversionError("SEND has an empty dedup-id: leave it out, or give an id");

    const known = this.#users.get(ownerOf(session))?.entries.get(id);
    if (!known || this.#isOver(known)) {
      if (known) this.#forget(known);
      return this.#begin(id, frame, session);
    }
    if (known.handledAt !== undefined || (known.isHeld && this.#isIn(known, frame, session))) {
      this.#stats.repeatedSends++;
      return "handled";
    }
    return new Promise((resolve) => {
      known.waiting ??= [];
      known.waiting.push(resolve);
    });
  }

  /** Whether the transaction of a SEND has that id already. @throws MessageDeliveryError when another one of the same session has: it would wait for itself */
  #isIn({ id, heldBy }: Entry, frame: Frame, session: Sender): boolean {
    if (heldBy?.session !== session) return false;
    if (heldBy.transaction === frame.headers.get("transaction")) return true;

    const where = `the transaction ${printable(heldBy.transaction)}, which is open`;
    throw refusal(`The dedup-id ${printable(id)} is that of a SEND in ${where}`);
  }

  #begin(id: string, frame: Frame, session: Sender): Claim {
    const entry = this.#add(ownText(id), session);
    const transaction = frame.headers.get("transaction");
    if (transaction === undefined) return entry;
    // Now, and not when it has succeeded: through the relay that is perhaps only behind COMMIT.
    this.#hold(entry, transaction, session);
    return {
      succeed: () => {
        entry.isHeld = true;
        wake(entry);
      },
      fail: () => entry.fail(),
    };
  }

  #add(id: string, session: Sender): Entry {
    const owner = ownerOf(session);
    const user: UserIds = this.#users.get(owner) ?? { owner: ownText(owner), entries: new Map() };
    const entry: Entry = {
      id,
      user,
      handledAt: undefined,
      heldBy: undefined,
      isHeld: false,
      waiting: undefined,
      succeed: () => this.#handled(entry),
      fail: () => this.#forget(entry),
    };
    if (this.#users.size === 0) this.#clock.watch(this);
    this.#users.delete(owner);
    this.#users.set(owner, user);
    user.entries.set(id, entry);
    this.#bytes += bytesOf(entry);
    this.#keepBounds(user);
    return entry;
  }

  /** A user with too many ids loses the oldest; when all together are too many, the user who has sent nothing for longest does. */
  #keepBounds(user: UserIds): void {
    if (user.entries.size > IDS_OF_A_USER) this.#forgetOldest(user);
    while (this.#bytes > BYTES) {
      const [longest] = this.#users.values();
      this.#forgetOldest(longest as UserIds);
    }
  }

  #forgetOldest({ entries }: UserIds): void {
    const [oldest] = entries.values();
    this.#forget(oldest as Entry);
    this.#stats.forgottenSends++;
  }

  #handled(entry: Entry): void {
    const { id, user } = entry;
    if (user.entries.get(id) === entry) {
      entry.handledAt = this.#clock.trueNow;
      user.entries.delete(id);
      user.entries.set(id, entry);
    }
    wake(entry);
  }

  #forget(entry: Entry): void {
    const { id, user } = entry;
    this.#leave(entry);
    if (user.entries.get(id) === entry) {
      user.entries.delete(id);
      this.#bytes -= bytesOf(entry);
      if (user.entries.size === 0) this.#users.delete(user.owner);
      if (this.#users.size === 0) this.#clock.unwatch(this);
    }
    wake(entry);
  }

  #hold(entry: Entry, transaction: string, session: Sender): void {
    const ofSession = this.#held.get(session) ?? new Map<string, Held>();
    this.#held.set(session, ofSession);
    const entries = ofSession.get(transaction)?.entries ?? new Set();
    const held: Held = ofSession.get(transaction) ?? {
      session,
      transaction: ownText(transaction),
      entries,
      succeed: () => {
        for (const each of entries) this.#handled(each);
      },
      fail: () => {
        for (const each of entries) this.#forget(each);
      },
    };
    ofSession.set(held.transaction, held);
    entries.add(entry);
    entry.heldBy = held;
  }

  /** A transaction without any is forgotten: no broker need know it. */
  #leave(entry: Entry): void {
    const { heldBy } = entry;
    entry.heldBy = undefined;
    heldBy?.entries.delete(entry);
    if (heldBy?.entries.size === 0) this.#drop(heldBy);
  }

  #drop({ session, transaction }: Held): void {
    const ofSession = this.#held.get(session);
    ofSession?.delete(transaction);
    if (ofSession?.size === 0) this.#held.delete(session);
  }

  /** The claims of a transaction go over to the frame that ends it. */
  #take(frame: Frame, session: Sender): Held | undefined {
    const held = this.#held.get(session)?.get(frame.headers.get("transaction") ?? "");
    if (!held) return undefined;

    this.#drop(held);
    for (const entry of held.entries) entry.heldBy = undefined;
    return held;
  }

  #isOver({ handledAt }: Entry): boolean {
    return handledAt !== undefined && this.#clock.trueNow - handledAt >= WINDOW;
  }
}

/** A user has the same ids in all sessions. No name of a user looks like a stranger's. */
function ownerOf(session: Sender): string {
  return session.user ? `user ${session.user.name}` : strangerOf(session);
}

function strangerOf({ id }: Sender): string {
  return `session ${id}`;
}

function bytesOf({ id }: Entry): number {
  return ENTRY_BYTES + 2 * id.length;
}

function wake(entry: Entry): void {
  const waiting = entry.waiting ?? [];
  entry.waiting = undefined;
  for (const resolve of waiting) resolve();
}
