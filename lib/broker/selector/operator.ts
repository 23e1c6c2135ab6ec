import { type BinaryOperator, header, literal, type SelectorStep, type UnaryOperator } from "./operations.js";
import { type SelectorToken, unreadable } from "./token.js";

/** The type of an operand, as far as it is known before any message is there; a header may hold anything. */
export type Kind = "truth" | "number" | "text" | "header";

/** An operator that waits for its operands. */
export interface Operator {
  readonly name: BinaryOperator | UnaryOperator | "(" | "BETWEEN" | "BETWEEN AND";
  readonly rank: number;
  readonly at: number;
  readonly negated?: boolean;
}

/** How strongly an operator between two operands binds. */
export const RANKS: ReadonlyMap<string, number> = new Map([
  ["OR", 1],
  ["AND", 2],
  ...["=", "<>", "<", "<=", ">", ">="].map((name): [string, number] => [name, 4]),
  ["+", 5],
  ["-", 5],
  ["*", 6],
  ["/", 6],
]);
const [NOT_RANK, SIGN_RANK] = [3, 7];
export const COMPARISON_RANK = 4;

/** An operand that is one word; `undefined` when it is none. */
export function simpleOperand({ kind, value }: SelectorToken): [SelectorStep, Kind] | undefined {
  if (kind === "text") return [literal(value), "text"];
  if (kind === "name") return [header(value), "header"];
  if (kind === "number") return [literal(Number(value)), "number"];
  return value === "TRUE" || value === "FALSE" ? [literal(value === "TRUE"), "truth"] : undefined;
}

/** Reads an operator, or a parenthesis, that stands before its operand. @throws MessageDeliveryError when the word cannot */
export function prefix({ value, at }: SelectorToken): Operator {
  if (value === "(") return { name: "(", rank: 0, at };
  if (value === "NOT") return { name: "NOT", rank: NOT_RANK, at };
  if (value === "-") return { name: "NEGATE", rank: SIGN_RANK, at };
  if (value === "+") return { name: "PLUS", rank: SIGN_RANK, at };
  throw unreadable(`${value} has nothing before it`, at);
}
