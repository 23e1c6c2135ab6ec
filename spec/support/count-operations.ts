/**
 * Counts the characters read, the maps asked and the things moved within arrays
 * while something runs: a measure of work that does not depend on how busy the
 * machine is.
 */
export function countOperations(run: () => void): number {
  const { charCodeAt, codePointAt, split } = String.prototype;
  const { get } = Map.prototype;
  const { splice, shift, filter } = Array.prototype;
  let operations = 0;

  const counted = <T, A extends unknown[], R>(
    original: (this: T, ...args: A) => R,
    cost: (self: T, ...args: A) => number = () => 1,
  ) =>
    function (this: T, ...args: A): R {
      operations += cost(this, ...args);
      return original.apply(this, args);
    };
  Object.assign(String.prototype, {
    charCodeAt: counted(charCodeAt),
    codePointAt: counted(codePointAt),
    split: counted(split as (...args: unknown[]) => string[], (text) => String(text).length),
  });
  Object.assign(Array.prototype, {
    splice: counted(splice, (array: unknown[], start: number) => array.length - start),
    shift: counted(shift, (array: unknown[]) => array.length),
    filter: counted(filter as (...args: unknown[]) => unknown[], (array) => (array as unknown[]).length),
  });
  Map.prototype.get = counted(get);
  try {
    run();
  } finally {
    Object.assign(String.prototype, { charCodeAt, codePointAt, split });
    Object.assign(Array.prototype, { splice, shift, filter });
    Map.prototype.get = get;
  }
  return operations;
}
