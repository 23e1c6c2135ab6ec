/** An `AbortController` that is made when somebody asks for its signal: most methods do not. */
export class LazyAbort {
  #controller: AbortController | undefined;

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    return this.#controller.signal;
  }

  now(reason?: Error): void {
    this.#controller?.abort(reason);
  }
}
