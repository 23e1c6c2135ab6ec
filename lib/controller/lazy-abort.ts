import { isPromise } from "../promise.js";

/** An `AbortController` that is made when it is needed: most methods neither ask for its signal nor are aborted. */
export class LazyAbort {
  readonly #failed: (fault: unknown) => void;
  #controller: AbortController | undefined;

  /** @param failed hears of what a listener of the signal throws, or rejects with */
  constructor(failed: (fault: unknown) => void) {
    this.#failed = failed;
  }

  get signal(): AbortSignal {
    return this.#made.signal;
  }

  now(reason?: Error): void {
    this.#made.abort(reason);
  }

  /** @throws the reason when it has been aborted */
  check(): void {
    this.#controller?.signal.throwIfAborted();
  }

  get #made(): AbortController {
    if (!this.#controller) {
      this.#controller = new AbortController();
      guard(this.#controller.signal, this.#failed);
    }
    return this.#controller;
  }
}

type Listener = ((event: Event) => unknown) | { handleEvent(event: Event): unknown };
type Change = (type: string, listener: Listener | null, options?: boolean | object) => void;

/**
 * Takes what listeners throw. Node lets that end the process, whatever stands
 * around `abort()`, and a client decides when a method's signal aborts.
 */
function guard(signal: AbortSignal, failed: (fault: unknown) => void): void {
  /** The same for each that is added, so that it counts once and can be removed. */
  const known = new WeakMap<Listener, Listener>();
  const guardedOf = (listener: Listener): Listener => {
    const guarded = known.get(listener) ?? guardedListener(signal, listener, failed);
    known.set(listener, guarded);
    return guarded;
  };
  for (const name of ["addEventListener", "removeEventListener"] as const) {
    const change = (signal[name] as Change).bind(signal);
    // Node refuses a value that is no listener.
    const value: Change = (type, listener, options) => {
      change(type, isListener(listener) ? guardedOf(listener) : listener, options);
    };
    Object.defineProperty(signal, name, { value });
  }
}

function guardedListener(
  signal: AbortSignal,
  listener: Listener,
  failed: (fault: unknown) => void,
): (event: Event) => void {
  return (event) => {
    try {
      const told =
        typeof listener === "function" ? listener.call(signal, event) : listener.handleEvent(event);
      if (isPromise(told)) told.then(undefined, failed);
    } catch (fault) {
      failed(fault);
    }
  };
}

function isListener(listener: unknown): listener is Listener {
  return typeof listener === "function" || (typeof listener === "object" && listener !== null);
}
