import { endianness } from "node:os";

/** The UTF-16 codes of a text: to read them one by one from a text costs twice as much. */
export type Codes = ArrayLike<number>;

/**
 * Finds where a run stands last between two places of a text: where it starts,
 * or -1. From behind, and so that no character is read more than twice.
 */
export type RunFinder = (text: Codes, low: number, end: number) => number;

/** Room for the codes of a destination; what is longer gets its own. */
const room = new Uint16Array(1024);
const roomBytes = Buffer.from(room.buffer);
/** Whether numbers lie in memory as `utf16le` writes them. */
const isLittleEndian = endianness() === "LE";

let latest: { readonly text: string; readonly codes: Codes } = { text: "", codes: room.subarray(0, 0) };

/**
 * Those of the text asked for last are remembered: many patterns are asked about it, one after the other. They are
 * good until another text is asked for.
 */
export function codesOf(text: string): Codes {
  if (text !== latest.text) latest = { text, codes: readCodes(text) };
  return latest.codes;
}

/** Copied at once where that is possible: to ask a text for its characters one by one costs eight times as much. */
function readCodes(text: string): Codes {
  const { length } = text;
  if (isLittleEndian && length <= room.length) {
    roomBytes.write(text, "utf16le");
    return room.subarray(0, length);
  }
  const codes = new Uint16Array(length);
  if (isLittleEndian) Buffer.from(codes.buffer).write(text, "utf16le");
  else for (let i = 0; i < length; i++) codes[i] = text.charCodeAt(i);
  return codes;
}

/** So many characters of a run with open ones are followed at once, as bits of one number. */
export const OPEN_RUN_LENGTH = 32;

const ASCII = 128;
const HIGH_SURROGATE = 0xd800;
const LOW_SURROGATE = 0xdc00;

/**
 * Finds fixed text. Where it does not go on, a table says how much of it has
 * been read even so (Knuth, Morris and Pratt's).
 */
export function findText(run: string): RunFinder {
  if (run === "") return (_text, _low, end) => end;

  let table: TextTable | undefined;
  return (text, low, end) => {
    table ??= tableOf(run);
    const { wanted, resumes } = table;
    const last = wanted.length - 1;
    let read = 0;
    for (let at = end - 1; at >= low; at--) {
      const unit = text[at];
      while (read > 0 && wanted[read] !== unit) read = resumes[read - 1] as number;
      if (wanted[read] !== unit) continue;
      if (read === last) return at;
      read++;
    }
    return -1;
  };
}

interface TextTable {
  /** The run's UTF-16 codes, the last first. */
  readonly wanted: Uint16Array;
  /** When so many and one more have been read: how many of them are the beginning of the same, too. */
  readonly resumes: Uint16Array;
}

function tableOf(run: string): TextTable {
  const { length } = run;
  const wanted = new Uint16Array(length);
  for (let i = 0; i < length; i++) wanted[i] = run.charCodeAt(length - 1 - i);
  const resumes = new Uint16Array(length);
  let read = 0;
  for (let i = 1; i < run.length; i++) {
    while (read > 0 && wanted[read] !== wanted[i]) read = resumes[read - 1] as number;
    if (wanted[read] === wanted[i]) read++;
    resumes[i] = read;
  }
  return { wanted, resumes };
}

/**
 * Finds a run of which some characters are open.
 *
 * @param characters `undefined` where any may stand; at most 32
 */
export function findOpenRun(characters: readonly (string | undefined)[]): RunFinder {
  const backward = characters.toReversed();
  /** For a character: at which places it may stand, the last one first. */
  const open = placesOf(backward, undefined);
  const ascii = new Int32Array(ASCII).fill(open);
  const others = new Map<number, number>();
  for (const character of backward) {
    if (character === undefined) continue;
    const code = character.codePointAt(0) as number;
    const places = open | placesOf(backward, character);
    if (code < ASCII) ascii[code] = places;
    else others.set(code, places);
  }
  const whole = 1 << (backward.length - 1);

  return (text, low, end) => {
    let read = 0;
    for (let at = end; at > low; ) {
      let code = text[--at] as number;
      if (code >= LOW_SURROGATE && code < 0xe000 && at > low) {
        const before = text[at - 1] as number;
        if (before >= HIGH_SURROGATE && before < LOW_SURROGATE) {
          code = 0x10000 + ((before - HIGH_SURROGATE) << 10) + (code - LOW_SURROGATE);
          at--;
        }
      }
      read = ((read << 1) | 1) & (code < ASCII ? (ascii[code] as number) : (others.get(code) ?? open));
      if ((read & whole) !== 0) return at;
    }
    return -1;
  };
}

function placesOf(characters: readonly (string | undefined)[], wanted: string | undefined): number {
  let places = 0;
  for (const [i, character] of characters.entries()) if (character === wanted) places |= 1 << i;
  return places;
}
