import { AsyncLocalStorage } from "node:async_hooks";
import type { Message } from "../message/message.js";

/** Messages of one order: the one that has the interceptors, and those that wait for it. */
export interface Lane {
  holder: Place;
  readonly waiting: Place[];
  /** Of those that wait, the newest of each subject; only where messages have such. */
  newest?: Map<string, Place>;
}

/** The owner of the lanes that places are in. */
export interface Lanekeeper {
  left(place: Place): void;
}

/** One message's place in its order, on its way through a channel; or a task's, between messages. */
export class Place {
  readonly keeper: Lanekeeper;
  readonly order: string;
  /** The place that it was sent from inside of, of this channel or another. */
  readonly outer: Place | undefined;
  /** The payer while it waits; `size` is in bytes. */
  readonly payer: string;
  size = 0;
  /** Only while it waits for its turn. */
  message: Message | undefined;
  subject: string | undefined;
  /** Says whether it gets its turn: not, when it is dropped. */
  go: (isItsTurn: boolean) => void = () => {};
  /** The lanes in which something waits that was sent from inside of it. */
  waitsFor: Set<Lane> | undefined;
  isLeft = false;
  /** Then a task that it left running, a timer perhaps, is inside of it no longer. */
  isOver = false;

  constructor(keeper: Lanekeeper, order: string, payer: string) {
    this.keeper = keeper;
    this.order = order;
    this.payer = payer;
    this.outer = placeAround();
  }

  /** Lets the next message of its order in. */
  leave(): void {
    if (this.isLeft) return;
    this.isLeft = true;
    this.keeper.left(this);
  }

  /** It is done. */
  end(): void {
    this.isOver = true;
    this.leave();
  }

  /** Runs what is inside of it: whatever is sent from there, later too, knows that by the async context. */
  enter<T>(way: (place: Place) => T): T {
    return inside.run(this, way, this);
  }
}

const inside = new AsyncLocalStorage<Place>();

/** The innermost place that the caller is inside of. */
export function placeAround(): Place | undefined {
  return notOver(inside.getStore());
}

/** A place and all that it is inside of, from the inside. */
export function* placesFrom(place: Place | undefined): Generator<Place> {
  for (let each = notOver(place); each; each = notOver(each.outer)) yield each;
}

/**
 * Whether the one who has a lane waits for one of these places: is that very
 * place, or waits in a lane of which the same is true.
 */
export function isHeldUp(lane: Lane, places: ReadonlySet<Place>): boolean {
  const lanes = new Set([lane]);
  // It grows meanwhile.
  for (const { holder } of lanes) {
    if (places.has(holder)) return true;
    for (const next of holder.waitsFor ?? []) lanes.add(next);
  }
  return false;
}

function notOver(place: Place | undefined): Place | undefined {
  let each = place;
  while (each?.isOver) each = each.outer;
  return each;
}
