/**
 * Counts the characters read and the maps asked while something runs: a
 * measure of work that does not depend on how busy the machine is.
 */
export function countOperations(run: () => void): number {
  const { charCodeAt, codePointAt } = String.prototype;
  const { get } = Map.prototype;
  let operations = 0;

  const counted = <A extends unknown[], R>(original: (...args: A) => R) =>
    function (this: unknown, ...args: A): R {
      operations++;
      return original.apply(this, args);
    };
  String.prototype.charCodeAt = counted(charCodeAt);
  String.prototype.codePointAt = counted(codePointAt);
  Map.prototype.get = counted(get);
  try {
    run();
  } finally {
    Object.assign(String.prototype, { charCodeAt, codePointAt });
    Map.prototype.get = get;
  }
  return operations;
}
