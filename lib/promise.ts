/** Whether a value has to be waited for: a promise of any make. `null` and `undefined` are none. */
export function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof (value as PromiseLike<T> | undefined)?.then === "function";
}
