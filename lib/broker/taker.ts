/** Somebody for whom something may wait. */
export interface Taker {
  /** Is given one thing of what waits; `false` when there is nothing, or it may have no more now. */
  giveNext(): boolean;
}

/** Gives all that waits, while there is room. */
export function pump(taker: Taker): void {
  while (taker.giveNext());
}

/** Gives to all, one thing each in turn, while there is room. */
export function pumpAll(takers: Iterable<Taker>): void {
  let hungry = [...takers];
  while (hungry.length > 0) hungry = hungry.filter((taker) => taker.giveNext());
}
