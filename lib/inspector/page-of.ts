import type { Request } from "express";
import type { ListAnswer } from "./page/answers.js";
import { Problem } from "./problem.js";

/** Rows of a page. */
const PAGE = 100;

/** The text of a query's parameter; a repeated one counts once. */
export function textOf({ query }: Request, name: string): string {
  const given: unknown = query[name];
  const first: unknown = Array.isArray(given) ? given[0] : given;
  return typeof first === "string" ? first : "";
}

/** @throws Problem when it is none of these; the first stands for none */
export function choiceOf<Choice extends string>(
  req: Request,
  name: string,
  choices: readonly Choice[],
): Choice {
  const given = textOf(req, name);
  if (given === "") return choices[0] as Choice;
  const choice = choices.find((each) => each === given);
  if (choice === undefined) throw new Problem(400, `${name} is one of ${choices.join(", ")}.`);
  return choice;
}

/** Gathers rows, in whatever order they come, and keeps those of one page: no more than are needed for it. */
export class PageOf<Row> {
  readonly #compare: (one: Row, other: Row) => number;
  readonly #page: number;
  readonly #most: number;
  #rows: Row[] = [];
  #matched = 0;

  /** @throws Problem when the page of the query is no number */
  constructor(req: Request, compare: (one: Row, other: Row) => number) {
    const page = Number(textOf(req, "page") || 0);
    if (!Number.isSafeInteger(page) || page < 0 || page > 10_000) {
      throw new Problem(400, "page is a whole number from 0 to 10000.");
    }
    this.#compare = compare;
    this.#page = page;
    this.#most = (page + 1) * PAGE;
  }

  add(row: Row): void {
    this.#matched++;
    this.#rows.push(row);
    if (this.#rows.length >= 2 * this.#most + 1_000) this.#trim();
  }

  answer(total: number, isCut: boolean): ListAnswer<Row> {
    this.#trim();
    const rows = this.#rows.slice(this.#page * PAGE);
    return { rows, matched: this.#matched, total, page: this.#page, isCut };
  }

  #trim(): void {
    this.#rows.sort(this.#compare);
    this.#rows.length = Math.min(this.#rows.length, this.#most);
  }
}

/** Compares by what a function gives of each: numbers from the greatest on, texts from A on. */
export function by<Row>(value: (row: Row) => string | number): (one: Row, other: Row) => number {
  return (one, other) => {
    const [a, b] = [value(one), value(other)];
    if (typeof a === "number" && typeof b === "number") return b - a;
    return a < b ? -1 : Number(a > b);
  };
}
