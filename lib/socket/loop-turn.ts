/** A socket that has gathered something to write. */
export interface Gathering {
  /** Must not throw. */
  flush(): void;
}

let gatherings: Gathering[] = [];

/** Flushes when everything that this turn of the event loop has received is handled. */
export function flushAfterTurn(gathering: Gathering): void {
  if (gatherings.push(gathering) === 1) setImmediate(flushAll);
}

function flushAll(): void {
  const flushing = gatherings;
  gatherings = [];
  for (const gathering of flushing) gathering.flush();
}
