import { DestinationPatternError } from "../errors.js";
import { codesOf, findOpenRun, findText, OPEN_RUN_LENGTH, type RunFinder } from "./run-finder.js";

/** A part of a segment: text, one character, or any characters, which are captured if they have a name. */
export type GlobPiece =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "one" }
  | { readonly kind: "many"; readonly name?: string | undefined };

/** Stands for `?` within a run: no header has it. */
const ONE = "\0";
const ONE_CODE = 0;

/**
 * Matches text against wildcards in a single backward pass: every run of fixed
 * length is put as far right as it goes, which gives the first wildcard all it
 * can have, as a greedy regular expression would. Nothing of the text is read
 * more than a few times, whatever stands in it and in the pattern.
 */
export class Glob {
  /** The texts before, between and after the gaps; in them NUL is any character. */
  readonly #runs: readonly string[];
  /** For the runs between two gaps. */
  readonly #finders: readonly RunFinder[];
  readonly #gaps: readonly (string | undefined)[];
  readonly #captures: boolean;

  /** @throws DestinationPatternError when a run between two gaps is longer than one with `?` may be */
  constructor(pieces: readonly GlobPiece[]) {
    const runs = [""];
    const gaps: (string | undefined)[] = [];
    for (const piece of pieces) {
      if (piece.kind === "many") {
        gaps.push(piece.name);
        runs.push("");
      } else runs.push((runs.pop() as string) + (piece.kind === "one" ? ONE : piece.text));
    }
    this.#runs = runs;
    this.#finders = runs.slice(1, -1).map(finderOf);
    this.#gaps = gaps;
    this.#captures = gaps.some((name) => name !== undefined);
  }

  /** Whether it has to look through the whole text: something stands between two gaps. */
  get searches(): boolean {
    return this.#finders.length > 0;
  }

  /** Whether the whole text fits; if so its captures are added to `variables`. */
  match(text: string, variables?: Map<string, string>): boolean {
    const runs = this.#runs;
    const last = runs.length - 1;
    const low = endOf(text, runs[0] as string, 0);
    if (last === 0) return low === text.length;
    if (low < 0 || (text === "" && this.#captures)) return false;

    const start = startBefore(text, runs[last] as string, low);
    if (start < 0) return false;
    if (last === 1 && !variables) return true;

    /** Where each run but the first starts and ends. */
    const starts: number[] = [];
    const ends: number[] = [];
    starts[last] = start;
    const codes = last > 1 ? codesOf(text) : [];
    for (let i = last - 1; i > 0; i--) {
      const found = (this.#finders[i - 1] as RunFinder)(codes, low, starts[i + 1] as number);
      if (found < 0) return false;
      starts[i] = found;
      ends[i] = endOf(text, runs[i] as string, found);
    }
    ends[0] = low;

    if (variables) {
      for (const [i, name] of this.#gaps.entries()) {
        if (name !== undefined) variables.set(name, text.slice(ends[i], starts[i + 1]));
      }
    }
    return true;
  }
}

function finderOf(run: string): RunFinder {
  if (!run.includes(ONE)) return findText(run);

  const characters = Array.from(run, (character) => (character === ONE ? undefined : character));
  if (characters.length > OPEN_RUN_LENGTH) {
    throw new DestinationPatternError(
      `Between two * or variables at most ${OPEN_RUN_LENGTH} characters may stand, if ? is one of them`,
    );
  }
  return findOpenRun(characters);
}

/** Where a run that starts here ends, or -1 when it does not stand here. */
function endOf(text: string, run: string, start: number): number {
  if (!run.includes(ONE)) return text.startsWith(run, start) ? start + run.length : -1;

  let at = start;
  for (let i = 0; i < run.length; i++) {
    if (at >= text.length) return -1;
    const unit = run.charCodeAt(i);
    if (unit === ONE_CODE) at += widthAt(text, at);
    else if (text.charCodeAt(at++) !== unit) return -1;
  }
  return at;
}

/** Where a run at the text's end starts, or -1 when it does not stand there behind `low`. */
function startBefore(text: string, run: string, low: number): number {
  if (!run.includes(ONE)) {
    const start = text.length - run.length;
    return start >= low && text.endsWith(run) ? start : -1;
  }
  let at = text.length;
  for (let i = run.length - 1; i >= 0; i--) {
    if (at <= low) return -1;
    const unit = run.charCodeAt(i);
    if (unit === ONE_CODE) at -= at - 2 >= low ? widthAt(text, at - 2) : 1;
    else if (text.charCodeAt(--at) !== unit) return -1;
  }
  return at;
}

/** 2 where a surrogate pair starts, so that `?` takes a whole character. */
function widthAt(text: string, at: number): number {
  return (text.codePointAt(at) as number) > 0xffff ? 2 : 1;
}
