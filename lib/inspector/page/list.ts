import type { ListAnswer } from "./answers.js";
import { fill, h } from "./dom.js";
import { number } from "./format.js";
import { say, words } from "./words.js";

/** Rows of a page, as the server has them. */
const PAGE = 100;

/** The line below a list: how much of it is shown, and the way to the rest. */
export function pager(
  element: HTMLElement,
  { rows, matched, total, page, isCut }: ListAnswer<unknown>,
  go: (page: number) => void,
): void {
  if (element.contains(document.activeElement)) return;
  const from = page * PAGE + 1;
  const shown = rows.length === 0 ? "0" : `${number(from)}–${number(from + rows.length - 1)}`;
  const button = (text: string, to: number) =>
    h("button", { type: "button", class: "small", click: () => go(to) }, text);
  fill(
    element,
    h("span", {}, say(words.shown, shown, number(matched)), matched < total && ` (${number(total)})`),
    page > 0 && button(words.previous, page - 1),
    (page > 0 || matched > PAGE) && h("span", {}, say(words.pageNumber, page + 1)),
    (page + 1) * PAGE < matched && button(words.next, page + 1),
    isCut && h("span", { class: "warn" }, words.cut),
  );
}

/** A field of a form that asks for less. */
export function field(
  label: string,
  name: string,
  value: string,
  attributes: Record<string, string | boolean> = {},
): HTMLElement {
  return h("label", {}, label, h("input", { name, value, autocomplete: "off", ...attributes }));
}

/** A choice of such a form. */
export function choice(
  label: string,
  name: string,
  value: string,
  options: readonly (readonly [value: string, text: string])[],
): HTMLElement {
  return h(
    "label",
    {},
    label,
    h(
      "select",
      { name },
      ...options.map(([each, text]) => h("option", { value: each, selected: each === value }, text)),
    ),
  );
}

/** A form whose fields become the parameters of the page. */
export function filter(
  asked: (parameters: Record<string, string>) => void,
  button: string,
  ...fields: readonly HTMLElement[]
): HTMLFormElement {
  const form = h(
    "form",
    {
      class: "filter",
      submit: (event) => {
        event.preventDefault();
        asked(valuesOf(form));
      },
    },
    ...fields,
    h("button", { class: "main" }, button),
  );
  return form;
}

/** The values of a form's fields. */
export function valuesOf(form: HTMLFormElement): Record<string, string> {
  return Object.fromEntries(
    [...new FormData(form)].map(([name, value]) => [name, typeof value === "string" ? value.trim() : ""]),
  );
}
