import { DestinationPatternError } from "../errors.js";
import { Glob, type GlobPiece } from "./glob.js";
import { countGroups, renumberGroups } from "./group-numbers.js";
import { MANY, ONE, PatternBits, type PatternItem } from "./pattern-bits.js";

/** The part of a pattern between two separators. Made by `parseSegment`. */
export class Segment {
  readonly text: string;
  /** `rest` is `**`: any number of segments. `wild` has wildcards or variables. */
  readonly kind: "literal" | "wild" | "rest";
  /** Whether any text fits: `*`. */
  readonly isOpen: boolean;
  readonly variables: readonly string[];
  /** How many of its characters stand for themselves, how many `*` it has, how many `{name:regex}`. */
  readonly letters: number;
  readonly stars: number;
  readonly regexes: number;
  /** Whether a text is looked through for what stands between two wildcards. */
  readonly searches: boolean;
  /** Whether a segment of a destination fits; if so its captures are added to `variables`. */
  readonly match: (text: string, variables?: Map<string, string>) => boolean;
  #characters: readonly PatternItem[] | undefined;
  #bits: PatternBits | undefined;

  constructor(text: string, pieces: readonly Piece[]) {
    const isText = (piece: Piece) => piece.kind === "text";
    this.text = text;
    this.kind = text === "**" ? "rest" : pieces.every(isText) ? "literal" : "wild";
    this.isOpen = text === "*";
    this.variables = pieces.flatMap((piece) => nameOf(piece) ?? []);
    this.letters = pieces.reduce((sum, piece) => sum + (piece.kind === "text" ? piece.text.length : 0), 0);
    this.stars = pieces.filter((piece) => piece.kind === "many" && piece.name === undefined).length;
    this.regexes = pieces.filter((piece) => piece.kind === "regex").length;
    const [first, last] = [pieces.findIndex(isGap), pieces.findLastIndex(isGap)];
    this.searches = pieces.slice(Math.max(first, 0), last + 1).some((piece) => !isGap(piece));
    this.match = matcher(text, pieces);
  }

  /** Its glob, a variable being a `*` by another name. Only without regular expressions. */
  get characters(): readonly PatternItem[] {
    this.#characters ??= readPieces(this.text).flatMap((piece): PatternItem[] => {
      if (piece.kind === "text") return [...piece.text];
      return [piece.kind === "one" ? ONE : MANY];
    });
    return this.#characters;
  }

  /** The same, to be laid beside another's. */
  get bits(): PatternBits {
    this.#bits ??= new PatternBits(this.characters);
    return this.#bits;
  }
}

export type Piece = GlobPiece | { readonly kind: "regex"; readonly name: string; readonly regex: string };

/**
 * Reads one segment of a pattern.
 *
 * @param regex whether `{name:regex}` may be used
 * @throws DestinationPatternError when braces or a variable make no sense
 */
export function parseSegment(text: string, regex: boolean): Segment {
  const pieces = text === "**" ? [] : readPieces(text);
  if (!regex && pieces.some((piece) => piece.kind === "regex")) {
    throw new DestinationPatternError("A variable in this pattern may not have a regular expression");
  }
  return new Segment(text, pieces);
}

function isGap({ kind }: Piece): boolean {
  return kind === "many";
}

function matcher(text: string, pieces: readonly Piece[]): Segment["match"] {
  if (pieces.some((piece) => piece.kind === "regex")) return regexMatcher(pieces);
  if (text === "*" || text === "**") return () => true;
  if (pieces.every((piece) => piece.kind === "text")) return (segment) => segment === text;

  const glob = new Glob(pieces as readonly GlobPiece[]);
  return (segment, variables) => glob.match(segment, variables);
}

/** Only for what an application wrote: its expression meets client text, and may be slow on its own account. */
function regexMatcher(pieces: readonly Piece[]): Segment["match"] {
  const names = pieces.map(nameOf);
  // Ours have names, and take numbers from the application's, which then count on.
  let groups = 0;
  const sources = pieces.map((piece, i) => {
    if (names[i] !== undefined) groups++;
    if (piece.kind === "text") return piece.text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
    if (piece.kind === "one") return "(?:[\\ud800-\\udbff][\\udc00-\\udfff]|[^])";
    if (piece.kind === "regex") {
      // By itself: `a)(b` would be one expression only together with our own brackets.
      const { source } = compile(piece.regex);
      const before = groups;
      groups += countGroups(source);
      return `(?<segment${i}>${renumberGroups(source, before)})`;
    }
    return piece.name === undefined ? "[^]*" : `(?<segment${i}>[^]*)`;
  });
  const expression = compile(`^(?:${sources.join("")})$`);

  return (text, variables) => {
    const found = text === "" ? null : expression.exec(text);
    if (!found) return false;
    for (const [i, name] of names.entries()) {
      if (name !== undefined) variables?.set(name, found.groups?.[`segment${i}`] ?? "");
    }
    return true;
  };
}

function compile(source: string): RegExp {
  try {
    return new RegExp(source);
  } catch (cause) {
    throw new DestinationPatternError("A variable's regular expression cannot be read", { cause });
  }
}

/** Reads the parts of a segment. @throws DestinationPatternError when braces or a variable make no sense */
export function readPieces(text: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  while (at < text.length) {
    const character = text[at] as string;
    if (character === "{") {
      const end = closingBrace(text, at);
      pieces.push(readVariable(text.slice(at + 1, end)));
      at = end + 1;
    } else if (character === "?") {
      pieces.push({ kind: "one" });
      at++;
    } else if (character === "*") {
      pieces.push({ kind: "many" });
      while (text[at] === "*") at++;
    } else {
      let end = at;
      while (end < text.length && !"{}?*".includes(text[end] as string)) end++;
      if (end === at) throw unbalanced();
      pieces.push({ kind: "text", text: text.slice(at, end) });
      at = end;
    }
  }
  return pieces;
}

function closingBrace(text: string, open: number): number {
  let depth = 0;
  for (let i = open; i < text.length; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === "{") depth++;
    else if (text[i] === "}" && --depth === 0) return i;
  }
  throw unbalanced();
}

function readVariable(text: string): Piece {
  const colon = text.indexOf(":");
  const name = colon < 0 ? text : text.slice(0, colon);
  if (name === "" || /[{}*?\\]/.test(name) || colon === text.length - 1) {
    throw new DestinationPatternError("A variable in a pattern must be written {name}");
  }
  return colon < 0 ? { kind: "many", name } : { kind: "regex", name, regex: text.slice(colon + 1) };
}

function nameOf(piece: Piece): string | undefined {
  return piece.kind === "many" || piece.kind === "regex" ? piece.name : undefined;
}

function unbalanced(): DestinationPatternError {
  return new DestinationPatternError("The braces of a pattern must be balanced, without a separator inside");
}
