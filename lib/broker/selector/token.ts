import { refusal } from "../../errors.js";

/** A word of a selector. Keywords are upper case; `at` is where it starts. */
export interface SelectorToken {
  readonly kind: "name" | "text" | "number" | "word";
  readonly value: string;
  readonly at: number;
}

const KEYWORDS = new Set("AND OR NOT BETWEEN LIKE ESCAPE IN IS NULL TRUE FALSE".split(" "));
const NAME = /[\p{L}_$][\p{L}\p{Nd}_$.]*/uy;
const NUMBER = /0[xX][0-9a-fA-F]+|(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?/y;
const SYMBOL = /<>|<=|>=|[=<>()+\-*/,]/y;
const BLANKS = /[ \t\r\n\f]*/y;

/**
 * Splits a selector into its words. Texts stand in single quotes; names that
 * are no Java identifiers, such as `content-type`, in double ones. A quote
 * inside is doubled.
 *
 * @throws MessageDeliveryError at what is no word
 */
export function selectorTokens(text: string): SelectorToken[] {
  const tokens: SelectorToken[] = [];
  let at = 0;
  for (;;) {
    at += (read(BLANKS, text, at) as string).length;
    if (at === text.length) return tokens;

    const quote = text[at];
    if (quote === "'" || quote === '"') {
      const end = closingQuote(text, at, quote);
      const value = text.slice(at + 1, end).replaceAll(quote + quote, quote);
      if (value === "" && quote === '"') throw unreadable("A name is empty", at);
      tokens.push({ kind: quote === "'" ? "text" : "name", value, at });
      at = end + 1;
      continue;
    }

    const number = read(NUMBER, text, at);
    const word = number ?? read(NAME, text, at) ?? read(SYMBOL, text, at);
    if (word === undefined) throw unreadable("There is something unknown", at);
    if (number !== undefined && /[\p{L}\p{Nd}_$.]/u.test(text[at + word.length] ?? "")) {
      throw unreadable("There is no such number", at);
    }
    tokens.push(token(word, number !== undefined, at));
    at += word.length;
  }
}

/** @param at where in the selector, counted from 0 */
export function unreadable(reason: string, at: number): Error {
  return refusal(`The selector cannot be read: ${reason}, at character ${at + 1}`);
}

function token(word: string, isNumber: boolean, at: number): SelectorToken {
  if (isNumber) return { kind: "number", value: word, at };

  const keyword = word.toUpperCase();
  if (KEYWORDS.has(keyword)) return { kind: "word", value: keyword, at };
  return { kind: /^[\p{L}_$]/u.test(word) ? "name" : "word", value: word, at };
}

function read(expression: RegExp, text: string, at: number): string | undefined {
  expression.lastIndex = at;
  return expression.exec(text)?.[0];
}

function closingQuote(text: string, open: number, quote: string): number {
  let at = open + 1;
  for (;;) {
    const end = text.indexOf(quote, at);
    if (end < 0) throw unreadable("A quote is not closed", open);
    if (text[end + 1] !== quote) return end;
    at = end + 2;
  }
}
