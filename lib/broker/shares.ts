interface Share {
  readonly owner: string;
  weight: number;
}

/** Each owner's share of something that is bounded for all together, so that the owner who fills it is the one who loses. */
export class Shares {
  readonly #byOwner = new Map<string, Share>();
  /** The shares by the number of binary digits of their weight: an exact order would cost more than it is worth. */
  readonly #byWeight: Set<Share>[] = [];

  weightOf(owner: string): number {
    return this.#byOwner.get(owner)?.weight ?? 0;
  }

  /** An owner whose share is the largest, or more than half of that; `undefined` when nobody has anything. */
  get heaviest(): string | undefined {
    const [heaviest] = this.#byWeight.at(-1) ?? [];
    return heaviest?.owner;
  }

  get isEmpty(): boolean {
    return this.#byOwner.size === 0;
  }

  /** Gives an owner so much more, or less. */
  add(owner: string, weight: number): void {
    const share = this.#byOwner.get(owner) ?? { owner, weight: 0 };
    const before = digits(share.weight);
    share.weight += weight;
    const after = digits(share.weight);
    if (before === after) return;

    this.#byWeight[before]?.delete(share);
    if (after === 0) this.#byOwner.delete(owner);
    else {
      this.#byOwner.set(owner, share);
      while (this.#byWeight.length <= after) this.#byWeight.push(new Set());
      this.#byWeight[after]?.add(share);
    }
    while (this.#byWeight.at(-1)?.size === 0) this.#byWeight.pop();
  }

  clear(): void {
    this.#byOwner.clear();
    this.#byWeight.length = 0;
  }
}

/** How many binary digits a number has; 0 has none. */
function digits(weight: number): number {
  return weight < 1 ? 0 : Math.floor(Math.log2(weight)) + 1;
}
