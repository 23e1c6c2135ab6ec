import type { Clock } from "./clock.js";

export interface Deadline {
  readonly clock: Clock;
  /** 0 is none. */
  readonly milliseconds: number;
  /** Makes the error that stands for what did not come. */
  passed(): Error;
  /** Hears of a rejection that came too late. */
  late(fault: unknown): void;
}

/** Settles as the promise does, if that is in time. */
export function inTime<T>(promise: PromiseLike<T>, deadline: Deadline): Promise<T> {
  if (deadline.milliseconds === 0) return Promise.resolve(promise);

  return new Promise((resolve, reject) => {
    let over = false;
    const stop = deadline.clock.after(deadline.milliseconds, () => {
      over = true;
      reject(deadline.passed());
    });
    promise.then(
      (value) => {
        stop();
        resolve(value);
      },
      (fault: unknown) => {
        stop();
        if (over) deadline.late(fault);
        else reject(fault);
      },
    );
  });
}
