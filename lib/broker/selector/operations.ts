import type { Glob } from "../../destination/glob.js";

/** The value of a part of a selector; `undefined` is SQL's unknown. */
export type SelectorValue = string | number | boolean | undefined;

/** One step of a selector: takes its operands from the stack and leaves its result. */
export type SelectorStep = (stack: SelectorValue[], header: (name: string) => string | undefined) => void;

export function literal(value: SelectorValue): SelectorStep {
  return (stack) => stack.push(value);
}

export function header(name: string): SelectorStep {
  return (stack, read) => stack.push(read(name));
}

export function isNull(negated: boolean): SelectorStep {
  return (stack) => stack.push((stack.pop() === undefined) !== negated);
}

export function isIn(texts: ReadonlySet<string>, negated: boolean): SelectorStep {
  const longest = Math.max(...[...texts].map((text) => text.length));
  return (stack) => {
    const value = stack.pop();
    const text = String(value);
    // A Set reads all of what it looks for.
    const isIn = text.length <= longest && texts.has(text);
    stack.push(value === undefined ? undefined : isIn !== negated);
  };
}

export function isLike(pattern: Glob, negated: boolean): SelectorStep {
  return (stack) => {
    const value = stack.pop();
    stack.push(value === undefined ? undefined : pattern.match(String(value)) !== negated);
  };
}

export function isBetween(negated: boolean): SelectorStep {
  return (stack) => {
    const high = stack.pop();
    const low = stack.pop();
    const value = stack.pop();
    const inside = and(compare(">=", value, low), compare("<=", value, high));
    stack.push(negated ? not(inside) : inside);
  };
}

export type UnaryOperator = "NOT" | "NEGATE" | "PLUS";

export function unary(operator: UnaryOperator): SelectorStep {
  return (stack) => {
    const value = stack.pop();
    if (operator === "NOT") stack.push(not(truth(value)));
    else {
      const number = quantity(value);
      stack.push(number !== undefined && operator === "NEGATE" ? -number : number);
    }
  };
}

export type BinaryOperator = "OR" | "AND" | "=" | "<>" | "<" | "<=" | ">" | ">=" | "+" | "-" | "*" | "/";

export function binary(operator: BinaryOperator): SelectorStep {
  return (stack) => {
    const right = stack.pop();
    const left = stack.pop();
    stack.push(apply(operator, left, right));
  };
}

/** Gives what counts as true: all else does not select. */
export function truth(value: SelectorValue): boolean | undefined {
  if (typeof value === "boolean") return value;
  return value === "true" ? true : value === "false" ? false : undefined;
}

function apply(operator: BinaryOperator, left: SelectorValue, right: SelectorValue): SelectorValue {
  switch (operator) {
    case "AND":
      return and(truth(left), truth(right));
    case "OR":
      return not(and(not(truth(left)), not(truth(right))));
    case "+":
    case "-":
    case "*":
    case "/":
      return calculate(operator, quantity(left), quantity(right));
    case "=":
    case "<>":
    case "<":
    case "<=":
    case ">":
    case ">=":
      return compare(operator, left, right);
  }
}

type Comparison = "=" | "<>" | "<" | "<=" | ">" | ">=";

/** Headers are texts: they count as numbers and as truth values where they stand beside such. */
function compare(operator: Comparison, left: SelectorValue, right: SelectorValue): boolean | undefined {
  if (operator === "=" || operator === "<>") {
    const [a, b] = alike(left, right);
    return a === undefined || b === undefined ? undefined : (a === b) === (operator === "=");
  }
  const a = quantity(left);
  const b = quantity(right);
  if (a === undefined || b === undefined) return undefined;
  if (operator === "<") return a < b;
  if (operator === "<=") return a <= b;
  return operator === ">" ? a > b : a >= b;
}

function alike(left: SelectorValue, right: SelectorValue): [SelectorValue, SelectorValue] {
  if (typeof left === "number" || typeof right === "number") return [quantity(left), quantity(right)];
  if (typeof left === "boolean" || typeof right === "boolean") return [truth(left), truth(right)];
  return [left, right];
}

function calculate(
  operator: "+" | "-" | "*" | "/",
  left: number | undefined,
  right: number | undefined,
): number | undefined {
  if (left === undefined || right === undefined) return undefined;
  if (operator === "+") return left + right;
  if (operator === "-") return left - right;
  if (operator === "*") return left * right;
  return right === 0 ? undefined : left / right;
}

function and(left: boolean | undefined, right: boolean | undefined): boolean | undefined {
  if (left === false || right === false) return false;
  return left === undefined || right === undefined ? undefined : true;
}

function not(value: boolean | undefined): boolean | undefined {
  return value === undefined ? undefined : !value;
}

/** The expression could be slow on long texts, and no number needs one. */
function quantity(value: SelectorValue): number | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  if (typeof value !== "string" || value.length > 40) return undefined;
  return /^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/.test(value) ? Number(value) : undefined;
}
