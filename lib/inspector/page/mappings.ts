import type { MappingRow } from "./answers.js";
import { ask } from "./api.js";
import { h, mono, table } from "./dom.js";
import type { MakeView } from "./view.js";
import { words } from "./words.js";

/** The methods of controllers. */
export const mappings: MakeView = () => {
  const list = table<MappingRow>(words.mappings, [
    { title: words.destination, cell: ({ destinations }) => mono(destinations.join("  ")) },
    { title: words.command, cell: ({ command }) => command },
    { title: words.method, cell: ({ method }) => mono(method) },
    { title: words.authorize, cell: ({ authorize }) => authorize !== undefined && mono(authorize) },
    { title: words.payload, cell: ({ payload }) => payload },
    { title: words.replies, cell: ({ replies }) => mono(replies.join("  ")) },
  ]);
  const empty = h("p", { class: "empty", hidden: true }, words.noMappings);
  let isThere = false;
  return {
    element: h(
      "section",
      {},
      h("h2", {}, words.mappings),
      h("p", { class: "hint" }, words.mappingsHint),
      list.element,
      empty,
    ),
    async refresh() {
      if (isThere) return;
      const rows = await ask<readonly MappingRow[]>("mappings");
      isThere = true;
      list.show(rows);
      list.element.hidden = rows.length === 0;
      empty.hidden = rows.length > 0;
    },
  };
};
