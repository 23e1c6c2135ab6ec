/** A part of a segment: text, one character, or any characters, which are captured if they have a name. */
export type GlobPiece =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "one" }
  | { readonly kind: "many"; readonly name?: string | undefined };

/** `?` among the character codes of a run. */
const ONE = -1;

/**
 * Matches text against wildcards in a single backward pass: every run of fixed
 * length is put as far right as it goes, which gives the first wildcard all it
 * can have, as a greedy regular expression would, and never has to go back.
 */
export class Glob {
  /** What stands before, between and after the gaps, as UTF-16 codes. */
  readonly #runs: number[][] = [[]];
  readonly #gaps: (string | undefined)[] = [];
  readonly #captures: boolean;

  constructor(pieces: readonly GlobPiece[]) {
    for (const piece of pieces) {
      const run = this.#runs.at(-1) as number[];
      if (piece.kind === "one") run.push(ONE);
      else if (piece.kind === "text") for (const unit of units(piece.text)) run.push(unit);
      else {
        this.#gaps.push(piece.name);
        this.#runs.push([]);
      }
    }
    this.#captures = this.#gaps.some((name) => name !== undefined);
  }

  /** Whether the whole text fits; if so its captures are added to `variables`. */
  match(text: string, variables?: Map<string, string>): boolean {
    const gaps = this.#gaps;
    const low = endOfFirst(text, this.#runs[0] as number[]);
    if (gaps.length === 0) return low === text.length;
    if (low < 0 || (text === "" && this.#captures)) return false;

    const edges: number[] = [];
    let gapEnd = text.length;
    for (let i = gaps.length; i > 0; i--) {
      const run = this.#runs[i] as number[];
      let end = gapEnd;
      let start = startBefore(text, run, low, end);
      if (i < gaps.length) while (start < 0 && end > low) start = startBefore(text, run, low, --end);
      if (start < 0) return false;

      edges[2 * i] = end;
      edges[2 * i + 1] = gapEnd;
      gapEnd = start;
    }
    edges[0] = low;
    edges[1] = gapEnd;

    if (variables && this.#captures) {
      for (const [i, name] of gaps.entries()) {
        if (name !== undefined) variables.set(name, text.slice(edges[2 * i], edges[2 * i + 1]));
      }
    }
    return true;
  }
}

function* units(text: string): Iterable<number> {
  for (let i = 0; i < text.length; i++) yield text.charCodeAt(i);
}

/** Where a run that stands at the start of the text ends, or -1. */
function endOfFirst(text: string, run: readonly number[]): number {
  let at = 0;
  for (const unit of run) {
    if (at >= text.length) return -1;
    if (unit === ONE) at += widthAt(text, at);
    else if (text.charCodeAt(at++) !== unit) return -1;
  }
  return at;
}

/** Where a run that ends here starts, or -1 when it does not fit between `low` and `end`. */
function startBefore(text: string, run: readonly number[], low: number, end: number): number {
  let at = end;
  for (let i = run.length - 1; i >= 0; i--) {
    if (at <= low) return -1;
    if (run[i] === ONE) at -= at - 2 >= low ? widthAt(text, at - 2) : 1;
    else if (text.charCodeAt(--at) !== run[i]) return -1;
  }
  return at;
}

/** 2 where a surrogate pair starts, so that `?` takes a whole character. */
function widthAt(text: string, at: number): number {
  return (text.codePointAt(at) as number) > 0xffff ? 2 : 1;
}
