/** Tasks, one after the other: yields each promise that has to be waited for, and gets its value. */
export type Steps<T> = Generator<PromiseLike<unknown>, T, unknown>;

/** Takes the steps: all of them before it returns, unless something has to be waited for. */
export function take<T>(steps: Steps<T>): T | Promise<T> {
  const step = steps.next();
  return step.done ? step.value : goOn(steps, step.value);
}

async function goOn<T>(steps: Steps<T>, awaited: PromiseLike<unknown>): Promise<T> {
  for (let next = awaited; ; ) {
    let value: unknown;
    let fault: { readonly thrown: unknown } | undefined;
    try {
      value = await next;
    } catch (thrown) {
      fault = { thrown };
    }
    const step = fault ? steps.throw(fault.thrown) : steps.next(value);
    if (step.done) return step.value;
    next = step.value;
  }
}
