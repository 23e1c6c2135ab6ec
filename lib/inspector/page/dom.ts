/** The content of an element: texts stay texts, whatever is in them. */
export type Child = Node | string | number | undefined | false;
type Attributes = Readonly<Record<string, string | number | boolean | undefined | ((event: Event) => void)>>;

/** Makes an element. A function is a listener, `false` and `undefined` leave an attribute out. */
export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== undefined && value !== false) element.setAttribute(name, String(value));
  }
  fill(element, ...children);
  return element;
}

/** Puts these in the place of all that an element holds. */
export function fill(element: Element, ...children: readonly Child[]): void {
  element.replaceChildren(
    ...children.flatMap((child) =>
      child === undefined || child === false ? [] : [typeof child === "number" ? String(child) : child],
    ),
  );
}

/** Characters that are not seen, or turn the direction of what stands behind them. */
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** A client's text as it is, with what would not be seen written out. */
export function plain(text: string): string {
  return text.replace(UNSEEN, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** A client's text, in letters of one width. */
export function mono(text: string): HTMLElement {
  return h("span", { class: "mono", dir: "auto" }, plain(text));
}

/** A column of a table. */
export interface Column<Row> {
  readonly title: string;
  readonly isNumber?: boolean;
  /** The name by which the server sorts; without one the column is not sorted. */
  readonly sort?: string;
  cell(row: Row): Child;
}

/** A table whose rows change. */
export interface Table<Row> {
  readonly element: HTMLElement;
  show(rows: readonly Row[], sort?: string): void;
}

/**
 * Makes a table. Its rows are left alone while one of them has the focus: whoever is about to press a button there
 * would lose it.
 */
export function table<Row>(
  caption: string,
  columns: readonly Column<Row>[],
  sorted?: (sort: string) => void,
): Table<Row> {
  const body = h("tbody", { role: "rowgroup" });
  const heads = columns.map(({ title, isNumber, sort }) => {
    const inside = sort && sorted ? h("button", { type: "button", click: () => sorted(sort) }, title) : title;
    return h("th", { scope: "col", role: "columnheader", class: isNumber ? "number" : undefined }, inside);
  });
  const element = h(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    h(
      "table",
      { class: "stack", role: "table" },
      h("caption", {}, caption),
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, ...heads)),
      body,
    ),
  );
  return {
    element,
    show(rows, sort) {
      for (const [at, head] of heads.entries()) {
        if (sort !== undefined && columns[at]?.sort === sort) head.setAttribute("aria-sort", "other");
        else head.removeAttribute("aria-sort");
      }
      if (body.contains(document.activeElement)) return;
      fill(body, ...rows.map((row) => lineOf(row, columns)));
    },
  };
}

function lineOf<Row>(row: Row, columns: readonly Column<Row>[]): HTMLElement {
  const cells = columns.map(({ title, isNumber, cell }, at) =>
    h(
      at === 0 ? "th" : "td",
      {
        "data-label": title,
        class: isNumber ? "number" : undefined,
        scope: at === 0 ? "row" : undefined,
        role: at === 0 ? "rowheader" : "cell",
      },
      cell(row),
    ),
  );
  return h("tr", { role: "row" }, ...cells);
}
