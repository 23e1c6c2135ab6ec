import type { SimpSubscription } from "./simp-user-registry.js";

const NONE: readonly SimpSubscription[] = [];

/** Finds the subscriptions to a destination. One alone stands for itself: a set of its own would cost more than all else of it. */
export class SubscriptionIndex {
  readonly #to = new Map<string, SimpSubscription | Set<SimpSubscription>>();

  add(subscription: SimpSubscription): void {
    const { destination } = subscription;
    const there = this.#to.get(destination);
    if (there instanceof Set) there.add(subscription);
    else this.#to.set(destination, there ? new Set([there, subscription]) : subscription);
  }

  remove(subscription: SimpSubscription): void {
    const { destination } = subscription;
    const there = this.#to.get(destination);
    if (there instanceof Set) {
      there.delete(subscription);
      const [only] = there;
      if (there.size === 1 && only) this.#to.set(destination, only);
    } else if (there === subscription) {
      this.#to.delete(destination);
    }
  }

  /** Those to a destination, in the order in which they came. They are live. */
  get(destination: string): Iterable<SimpSubscription> {
    const there = this.#to.get(destination);
    if (there instanceof Set) return there;
    return there ? [there] : NONE;
  }
}
