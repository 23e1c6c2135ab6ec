/** Has a place among others, which it keeps. */
export interface Sequenced {
  /** No two in one order have the same. */
  readonly sequence: number;
}

/** So many stand in one piece at most: what is inserted or removed moves no more than these. */
const PIECE = 256;

/**
 * Keeps things in the order of their `sequence`, wherever they are inserted and
 * removed: in pieces, since an array moves all that stands behind a place.
 */
export class InOrder<T extends Sequenced> {
  /** None is empty. */
  #pieces: T[][] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  get first(): T | undefined {
    return this.#pieces[0]?.[0];
  }

  get last(): T | undefined {
    return this.#pieces.at(-1)?.at(-1);
  }

  /** The first of those behind a sequence number. */
  after(sequence: number): T | undefined {
    const piece = this.#pieces[this.#pieceBehind(sequence)];
    return piece?.[placeBehind(piece, sequence)];
  }

  /** The first of those behind a sequence number for which it is true. Nothing may be inserted or removed meanwhile. */
  find(sequence: number, isIt: (item: T) => boolean): T | undefined {
    const pieces = this.#pieces;
    const from = this.#pieceBehind(sequence);
    for (let at = from; at < pieces.length; at++) {
      const piece = pieces[at] as T[];
      for (let i = at === from ? placeBehind(piece, sequence) : 0; i < piece.length; i++) {
        if (isIt(piece[i] as T)) return piece[i];
      }
    }
    return undefined;
  }

  insert(item: T): void {
    const pieces = this.#pieces;
    // Nearly always the last one: what comes back is rare.
    const at = Math.min(this.#pieceBehind(item.sequence), pieces.length - 1);
    const piece = pieces[at];
    this.#length++;
    // A push into an empty array makes room for sixteen more, and most orders have one thing.
    if (!piece) this.#pieces = [[item]];
    else {
      const place = placeBehind(piece, item.sequence);
      if (piece.length < PIECE) piece.splice(place, 0, item);
      else if (place === PIECE && at === pieces.length - 1) pieces.push([item]);
      else {
        piece.splice(place, 0, item);
        pieces.splice(at + 1, 0, piece.splice(PIECE / 2));
      }
    }
  }

  /** Takes a thing out; `false` when it is not there. */
  remove(item: T): boolean {
    const at = this.#pieceBehind(item.sequence - 1);
    const piece = this.#pieces[at];
    const place = piece ? placeBehind(piece, item.sequence - 1) : 0;
    if (piece?.[place] !== item) return false;

    piece.splice(place, 1);
    if (piece.length === 0) this.#pieces.splice(at, 1);
    this.#length--;
    return true;
  }

  clear(): void {
    this.#pieces.length = 0;
    this.#length = 0;
  }

  /** The first piece in which something stands behind a sequence number. */
  #pieceBehind(sequence: number): number {
    return firstIndex(this.#pieces, (piece) => (piece.at(-1) as T).sequence > sequence);
  }
}

function placeBehind(piece: readonly Sequenced[], sequence: number): number {
  return firstIndex(piece, (item) => item.sequence > sequence);
}

/** Where the first stands for which it is true, as for all behind that: found by halves. */
function firstIndex<T>(items: readonly T[], isTrue: (item: T) => boolean): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isTrue(items[middle] as T)) high = middle;
    else low = middle + 1;
  }
  return low;
}
