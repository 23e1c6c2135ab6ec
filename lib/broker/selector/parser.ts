import { likePattern } from "./like-pattern.js";
import {
  type BinaryOperator,
  binary,
  isBetween,
  isIn,
  isLike,
  isNull,
  type SelectorStep,
  unary,
} from "./operations.js";
import { COMPARISON_RANK, type Kind, type Operator, prefix, RANKS, simpleOperand } from "./operator.js";
import { type SelectorToken, selectorTokens, unreadable } from "./token.js";

/** How many LIKEs of a selector may read all of a header: those with something between two %. */
const SEARCH_LIMIT = 8;

/** Reads a selector without recursion: operators wait on a stack until their operands are complete. */
export class SelectorParser {
  readonly #tokens: readonly SelectorToken[];
  readonly #end: number;
  readonly #steps: SelectorStep[] = [];
  readonly #kinds: Kind[] = [];
  readonly #operators: Operator[] = [];
  #next = 0;
  #searches = 0;

  constructor(text: string) {
    this.#tokens = selectorTokens(text);
    this.#end = text.length;
  }

  /** How many LIKEs have to read all of a header. */
  get searches(): number {
    return this.#searches;
  }

  /** Gives the steps that evaluate it. @throws MessageDeliveryError where it makes no sense */
  parse(): readonly SelectorStep[] {
    for (let complete = false; !complete; ) {
      this.#operand();
      complete = this.#continuation();
    }
    this.#reduce(0);
    const open = this.#operators.at(-1);
    if (open) throw unfinished(open);
    this.#expect("truth", this.#kinds[0] as Kind, 0);
    return this.#steps;
  }

  /** Everything up to the end of one operand. */
  #operand(): void {
    for (;;) {
      const token = this.#take();
      const simple = simpleOperand(token);
      if (simple) {
        this.#push(...simple);
        return;
      }
      this.#operators.push(prefix(token));
    }
  }

  /** Reads the operator behind an operand, up to the next operand: `true` when there is none. */
  #continuation(): boolean {
    for (;;) {
      if (this.#next === this.#tokens.length) return true;

      const token = this.#take();
      const negated = token.value === "NOT" && token.kind === "word";
      const { kind, value, at } = negated ? this.#take() : token;
      if (kind !== "word") throw unreadable("An operator is missing", at);

      if (value === "IN") this.#in(negated, at);
      else if (value === "LIKE") this.#like(negated, at);
      else if (value === "BETWEEN") {
        this.#reduce(COMPARISON_RANK + 1);
        this.#operators.push({ name: "BETWEEN", rank: 0, at, negated });
        return false;
      } else if (negated) throw unreadable("NOT stands in a wrong place", at);
      else if (value === "IS") this.#is(at);
      else if (value === ")") this.#close(at);
      else {
        this.#binary(value, at);
        return false;
      }
    }
  }

  #binary(value: string, at: number): void {
    const rank = RANKS.get(value);
    if (rank === undefined) throw unreadable(`${value} stands in a wrong place`, at);

    this.#reduce(value === "AND" ? COMPARISON_RANK + 1 : rank);
    const top = this.#operators.at(-1);
    if (value === "AND" && top?.name === "BETWEEN") {
      this.#operators[this.#operators.length - 1] = { ...top, name: "BETWEEN AND", rank: COMPARISON_RANK };
      return;
    }
    this.#reduce(rank);
    this.#operators.push({ name: value as BinaryOperator, rank, at });
  }

  #close(at: number): void {
    this.#reduce(1);
    const open = this.#operators.pop();
    if (!open) throw unreadable("A bracket is not opened", at);
    if (open.name !== "(") throw unfinished(open);
  }

  #is(at: number): void {
    this.#header(at);
    let token = this.#take();
    const negated = token.value === "NOT" && token.kind === "word";
    if (negated) token = this.#take();
    if (token.kind !== "word" || token.value !== "NULL") throw unreadable("IS needs NULL", token.at);
    this.#replace(isNull(negated));
  }

  #in(negated: boolean, at: number): void {
    this.#header(at);
    const texts = new Set<string>();
    this.#symbol("(");
    do texts.add(this.#text().value);
    while (this.#symbol(")", ",") === ",");
    this.#replace(isIn(texts, negated));
  }

  #like(negated: boolean, at: number): void {
    this.#header(at);
    const pattern = this.#text();
    let escaping: string | undefined;
    const next = this.#tokens[this.#next];
    if (next?.kind === "word" && next.value === "ESCAPE") {
      this.#next++;
      const { value, at: escapeAt } = this.#text();
      if ([...value].length !== 1) throw unreadable("ESCAPE needs one character", escapeAt);
      escaping = value;
    }
    const glob = likePattern(pattern, escaping);
    if (glob.searches && ++this.#searches > SEARCH_LIMIT) {
      throw unreadable(`More than ${SEARCH_LIMIT} LIKEs look for something between two %`, pattern.at);
    }
    this.#replace(isLike(glob, negated));
  }

  /** Does what waits and binds at least so strongly. A bracket or BETWEEN that is open stays. */
  #reduce(rank: number): void {
    for (;;) {
      const operator = this.#operators.at(-1);
      if (!operator || operator.rank === 0 || operator.rank < rank) return;
      this.#operators.pop();
      this.#emit(operator);
    }
  }

  #emit(operator: Operator): void {
    const { name, at, negated = false } = operator;
    if (name === "NOT" || name === "NEGATE" || name === "PLUS") {
      const kind = name === "NOT" ? "truth" : "number";
      this.#expect(kind, this.#kinds.pop() as Kind, at);
      this.#push(unary(name), kind);
    } else if (name === "BETWEEN AND") {
      for (const kind of this.#kinds.splice(-3)) this.#expect("number", kind, at);
      this.#push(isBetween(negated), "truth");
    } else if (name !== "(" && name !== "BETWEEN") this.#emitBinary(name, at);
  }

  #emitBinary(name: BinaryOperator, at: number): void {
    const [left, right] = this.#kinds.splice(-2) as [Kind, Kind];
    if (name === "=" || name === "<>") {
      if (left !== right && left !== "header" && right !== "header") {
        throw unreadable(`${name} stands between a ${left} and a ${right}`, at);
      }
    } else {
      const wanted = name === "AND" || name === "OR" ? "truth" : "number";
      this.#expect(wanted, left, at);
      this.#expect(wanted, right, at);
    }
    this.#push(binary(name), (RANKS.get(name) as number) > COMPARISON_RANK ? "number" : "truth");
  }

  #expect(wanted: Kind, kind: Kind, at: number): void {
    if (kind !== "header" && kind !== wanted) {
      throw unreadable(`A ${kind} stands where a ${wanted} should`, at);
    }
  }

  /** The operand before must be a header by itself, as JMS wants it. */
  #header(at: number): void {
    const before = this.#tokens[this.#next - 2];
    const isNot = before?.kind === "word" && before.value === "NOT";
    if ((isNot ? this.#tokens[this.#next - 3] : before)?.kind !== "name") {
      throw unreadable("There is no header's name before it", at);
    }
  }

  #text(): SelectorToken {
    const token = this.#take();
    if (token.kind !== "text") throw unreadable("A text in single quotes is missing", token.at);
    return token;
  }

  #symbol(...allowed: string[]): string {
    const { kind, value, at } = this.#take();
    if (kind !== "word" || !allowed.includes(value))
      throw unreadable(`${allowed.join(" or ")} is missing`, at);
    return value;
  }

  #take(): SelectorToken {
    const token = this.#tokens[this.#next++];
    if (!token) throw unreadable("It ends too early", this.#end);
    return token;
  }

  #push(step: SelectorStep, kind: Kind): void {
    this.#steps.push(step);
    this.#kinds.push(kind);
  }

  /** Puts a step behind the header that it is about. */
  #replace(step: SelectorStep): void {
    this.#kinds.pop();
    this.#push(step, "truth");
  }
}

function unfinished({ name, at }: Operator): Error {
  return unreadable(name === "(" ? "A bracket is not closed" : "BETWEEN has no AND", at);
}
