/** An `AbortController` that is made when it is needed: most methods neither ask for its signal nor are aborted. */
export class LazyAbort {
  #controller: AbortController | undefined;

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    return this.#controller.signal;
  }

  now(reason?: Error): void {
    this.#controller ??= new AbortController();
    this.#controller.abort(reason);
  }

  /** @throws the reason when it has been aborted */
  check(): void {
    this.#controller?.signal.throwIfAborted();
  }
}
