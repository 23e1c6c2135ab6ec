/**
 * Counts the characters read, the texts compared, the maps and sets asked,
 * changed and walked, and the things moved within arrays while something
 * runs: a measure of work that does not depend on how busy the machine is.
 */
export function countOperations(run: () => void): number {
  const counted = beginCounting();
  try {
    run();
  } finally {
    counted();
  }
  return counted();
}

/** Counts the same in one turn of the event loop. */
export async function countOperationsOfTurn(): Promise<number> {
  const counted = beginCounting();
  await new Promise(setImmediate);
  return counted();
}

/** Gives what ends the counting, and says how many there were. */
function beginCounting(): () => number {
  let operations = 0;
  const originals: (() => void)[] = [];

  /** @param cost how much one call is, with its `this` and arguments */
  const count = <T extends object>(
    prototype: T,
    names: readonly (keyof T & string)[],
    cost: (self: { readonly length: number }, first?: unknown) => number = () => 1,
  ) => {
    for (const name of names) {
      const original = prototype[name] as (...given: unknown[]) => unknown;
      originals.push(() => Object.assign(prototype, { [name]: original }));
      const counted = function (this: { readonly length: number }, ...given: unknown[]) {
        operations += cost(this, given[0]);
        return original.apply(this, given);
      };
      Object.assign(prototype, { [name]: counted });
    }
  };
  count(String.prototype, ["charCodeAt", "codePointAt", "startsWith", "indexOf", "lastIndexOf"]);
  count(String.prototype, ["split"], (text) => text.length);
  count(Buffer.prototype, ["write"], (_, text) => (text as string).length);
  count(Array.prototype, ["splice"], ({ length }, start) => length - (start as number));
  count(Array.prototype, ["shift", "filter", "sort"], ({ length }) => length);
  count(Map.prototype, ["get", "set", "delete"]);
  count(Set.prototype, ["add", "delete"]);
  // One step of a loop over them.
  count(Object.getPrototypeOf(new Map().values()), ["next"]);
  count(Object.getPrototypeOf(new Set().values()), ["next"]);
  return () => {
    for (const restore of originals) restore();
    originals.length = 0;
    return operations;
  };
}
