import { DestinationPatternError } from "../errors.js";

/** An escape, or a class as a whole: in a class a number is a character. */
const ESCAPE_OR_CLASS = /\[(?:\\.|[^\]\\])*\]|\\(?:([1-9]\d*)|.)/gs;

/** Tells how many groups an expression has that stands by itself. */
export function countGroups(regex: string): number {
  const [, ...groups] = new RegExp(`${regex}|`).exec("") as RegExpExecArray;
  return groups.length;
}

/**
 * Gives an expression whose back-references mean its own groups behind `before` others.
 *
 * @throws DestinationPatternError when it has no such group: by itself that would be a character's number
 */
export function renumberGroups(regex: string, before: number): string {
  const count = countGroups(regex);
  return regex.replace(ESCAPE_OR_CLASS, (text, number?: string) => {
    if (number === undefined) return text;
    if (Number(number) <= count) return `\\${Number(number) + before}`;
    throw new DestinationPatternError(
      `A variable's regular expression refers to a group ${text} that it does not have`,
    );
  });
}
