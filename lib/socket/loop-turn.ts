/** A socket that has gathered something to write. */
export interface Gathering {
  /** Must not throw. */
  flush(): void;
}

/** So many are flushed in one turn: some milliseconds of writes, which is how long frames that come meanwhile wait to be read. */
export const FLUSHED_IN_A_TURN = 1024;

let gatherings: Gathering[] = [];
/** The rest of those from former turns, from `flushed` on. */
let waiting: Gathering[] = [];
let flushed = 0;
let isAwaited = false;

/**
 * Flushes when everything that this turn of the event loop has received is handled. Where there are many, as in a
 * fan-out to thousands, a part of them each turn: frames that come meanwhile are read, and what they are answered
 * does not wait for all the others. What one socket has gathered stays together, in order.
 */
export function flushAfterTurn(gathering: Gathering): void {
  gatherings.push(gathering);
  awaitTurn();
}

function awaitTurn(): void {
  if (isAwaited) return;
  isAwaited = true;
  setImmediate(flushSome);
}

/** Those of this turn first, up to the half of what may be, then those who have waited. */
function flushSome(): void {
  isAwaited = false;
  const newest = gatherings;
  gatherings = [];
  const isBehind = flushed < waiting.length;
  const first = Math.min(newest.length, isBehind ? FLUSHED_IN_A_TURN / 2 : FLUSHED_IN_A_TURN);
  for (let i = 0; i < first; i++) (newest[i] as Gathering).flush();
  const end = Math.min(waiting.length, flushed + FLUSHED_IN_A_TURN - first);
  while (flushed < end) (waiting[flushed++] as Gathering).flush();
  if (flushed === waiting.length) {
    waiting = first < newest.length ? newest : [];
    flushed = waiting.length > 0 ? first : 0;
  } else if (first < newest.length) {
    waiting = waiting.slice(flushed).concat(newest.slice(first));
    flushed = 0;
  }
  if (flushed < waiting.length) awaitTurn();
}
