import type { AckMode, Acknowledging, AckWindow, Unacknowledged, WindowLimits } from "./ack-window.js";
import type { BrokerCounts } from "./broker-counts.js";
import type { ClientSessions } from "./client-sessions.js";
import { type AckHeaders, expectNotice, SessionWindows } from "./session-windows.js";
import { pump, pumpAll } from "./taker.js";
import type { Turns } from "./turns.js";

/** How a delivery ended; `failed` if it came back, perhaps by the message's own fault. */
export type Outcome = Settlement | "returned";

/** The same, as its client says by ACK or NACK. */
export type Settlement = "acknowledged" | "failed";

export interface BrokerSessionContext {
  readonly sessions: Pick<ClientSessions, "room">;
  readonly turns: Turns;
  readonly counts: Pick<BrokerCounts, "acknowledged" | "refused">;
  readonly windowLimits: WindowLimits;
}

/** One session as its broker knows it: its consumers, the deliveries that they have not acknowledged, and whether there is room for more. */
export class BrokerSession<C extends Acknowledging = Acknowledging> {
  readonly id: string;
  /** By the ids of their subscriptions, which are unique within the session only. */
  readonly consumers = new Map<string, C>();
  readonly #context: BrokerSessionContext;
  #windows: SessionWindows | undefined;
  #isCrowded = false;
  #hasEnded = false;

  constructor(id: string, context: BrokerSessionContext) {
    this.id = id;
    this.#context = context;
  }

  /** It has ended: its last frames may still come, and it is given nothing. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Whether it is known to have no room. */
  get isCrowded(): boolean {
    return this.#isCrowded;
  }

  end(): void {
    this.#hasEnded = true;
  }

  /** Asks whether its socket has room; if not, its consumers are given what waits as soon as it has. */
  askRoom(): boolean {
    if (this.#isCrowded) return false;
    const { sessions, turns } = this.#context;
    const room = sessions.room(this.id);
    if (!room) return true;

    this.#isCrowded = true;
    void room.then(() => {
      this.#isCrowded = false;
      return turns.take(() => pumpAll(this.consumers.values()));
    });
    return false;
  }

  /** Makes the window of a consumer that acknowledges. */
  openWindow(consumer: C, mode: AckMode): AckWindow {
    return this.#known.open(consumer, mode);
  }

  /** A consumer is gone: nothing waits for it any more. @param notice the id of the MESSAGE that tells its client so, if one does */
  ended(window: AckWindow, notice: string | undefined): void {
    window.end(notice);
    this.#windows?.ended(window);
  }

  /** Notes a delivery that is about to be sent. */
  sending(entry: Unacknowledged): void {
    this.#known.add(entry);
  }

  /** @throws MessageDeliveryError when there is no such delivery, or no more */
  take(headers: AckHeaders): readonly Unacknowledged[] {
    if (this.#windows) return this.#windows.take(headers);
    expectNotice(headers);
    return [];
  }

  /** Gives back what was taken. */
  restore(taken: readonly Unacknowledged[]): void {
    this.#windows?.restore(taken);
  }

  /** Ends what ACK or NACK has taken, of one consumer. */
  settle(taken: readonly Unacknowledged[], outcome: Settlement): void {
    const { counts } = this.#context;
    if (outcome === "acknowledged") counts.acknowledged += taken.length;
    else counts.refused += taken.length;
    this.finish(taken, outcome);
  }

  /** Ends what was taken, of one consumer: acknowledged, or given back to its queue. */
  finish(taken: readonly Unacknowledged[], outcome: Outcome): void {
    const wasFull = this.#windows?.isFull === true;
    for (const entry of taken) entry.window.release(entry);
    for (const { window, queued } of taken) {
      if (outcome === "acknowledged") queued?.queues.settled(queued);
      else queued?.queues.returned(queued, window, outcome === "failed");
    }
    if (wasFull) pumpAll(this.consumers.values());
    else if (taken[0]) pump(taken[0].window.consumer);
  }

  /** The same for one that failed on its way; nothing happens when it was acknowledged by then. */
  finishUndelivered(entry: Unacknowledged, outcome: Outcome): void {
    if (!this.#windows?.has(entry)) return;
    this.#windows.remove(entry);
    this.finish([entry], outcome);
  }

  /**
   * Gives back all that is not acknowledged. It may be the fault of what each
   * consumer had had for longest, which it was at work on; of the others it
   * has perhaps seen nothing.
   */
  returnAll(): void {
    const suspects = new Set<AckWindow>();
    const all = this.#windows?.takeAll() ?? [];
    for (const entry of all) entry.window.release(entry);
    for (const { window, queued } of all) {
      if (!queued) continue;
      queued.queues.returned(queued, window, !suspects.has(window));
      suspects.add(window);
    }
  }

  get #known(): SessionWindows {
    this.#windows ??= new SessionWindows(this.#context.windowLimits);
    return this.#windows;
  }
}
