import type { DestinationRow, ListAnswer } from "./answers.js";
import { ask } from "./api.js";
import { h, mono, plain, table } from "./dom.js";
import { bytes, lasted, number } from "./format.js";
import { choice, field, filter, pager } from "./list.js";
import { addressOf, type MakeView } from "./view.js";
import { say, words } from "./words.js";

/** The destinations that are subscribed to, with what waits and is kept. */
export const destinations: MakeView = (shell, parameters) => {
  const asked = {
    q: parameters.get("q") ?? "",
    sort: parameters.get("sort") ?? "subscriptions",
    page: Number(parameters.get("page") ?? 0),
  };
  const again = (changed: Record<string, string | number>) =>
    shell.go("destinations", { ...asked, page: 0, ...changed });
  const list = table<DestinationRow>(
    words.destinations,
    [
      {
        title: words.destination,
        sort: "destination",
        cell: ({ destination, isPrivate }) =>
          h("span", {}, mono(destination), " ", isPrivate && h("span", { class: "tag" }, words.own)),
      },
      {
        title: words.subscribers,
        sort: "subscriptions",
        isNumber: true,
        cell: ({ destination, subscriptions }) =>
          subscriptions === 0
            ? "0"
            : h("a", { href: addressOf("sessions", { destination }) }, number(subscriptions)),
      },
      {
        title: words.inQueue,
        sort: "waiting",
        isNumber: true,
        cell: ({ waiting }) =>
          waiting &&
          h(
            "span",
            { class: "warn" },
            `${number(waiting.messages)}, ${bytes(waiting.bytes)}, ${say(words.oldest, lasted(waiting.since))}`,
          ),
      },
      {
        title: words.unacknowledged,
        sort: "unacknowledged",
        isNumber: true,
        cell: ({ unacknowledged }) => unacknowledged > 0 && number(unacknowledged),
      },
      { title: words.kept, sort: "kept", cell: keptText },
      {
        title: words.tap,
        cell: ({ destination }) =>
          h(
            "a",
            {
              href: addressOf("tap", { of: destination }),
              "aria-label": `${words.tap}: ${plain(destination)}`,
            },
            words.tap,
          ),
      },
    ],
    (sort) => again({ sort }),
  );
  const empty = h("p", { class: "empty", hidden: true }, words.noDestinations);
  const foot = h("div", { class: "pager" });
  return {
    element: h(
      "section",
      {},
      h("h2", {}, words.destinations),
      h("p", { class: "hint" }, words.destinationsHint),
      filter(
        again,
        words.show,
        field(words.contains, "q", asked.q, { placeholder: "/topic/…" }),
        choice(words.sortBy, "sort", asked.sort, [
          ["subscriptions", words.subscribers],
          ["destination", words.destination],
          ["waiting", words.inQueue],
          ["unacknowledged", words.unacknowledged],
          ["kept", words.kept],
        ]),
      ),
      list.element,
      empty,
      foot,
    ),
    async refresh() {
      const answer = await ask<ListAnswer<DestinationRow>>("destinations", asked);
      list.show(answer.rows, asked.sort);
      list.element.hidden = answer.rows.length === 0;
      empty.hidden = answer.rows.length > 0;
      pager(foot, answer, (page) => again({ page }));
    },
  };
};

function keptText({ history, retained }: DestinationRow): string {
  return [
    history && `${say(words.keptMessages, number(history.messages))}, ${bytes(history.bytes)}`,
    retained && `${words.keptRetained}, ${bytes(retained.bytes)}`,
  ]
    .filter((text) => text !== undefined)
    .join("; ");
}
