import type { ElsewhereRow, ListAnswer, SessionRow } from "./answers.js";
import { ask } from "./api.js";
import { fill, h, mono, table } from "./dom.js";
import { bytes, lasted, number } from "./format.js";
import { choice, field, filter, pager } from "./list.js";
import { addressOf, type MakeView } from "./view.js";
import { say, words } from "./words.js";

const TRANSPORTS = [
  "websocket",
  "tcp",
  "tls",
  "xhr-streaming",
  "xhr-polling",
  "eventsource",
  "htmlfile",
  "jsonp-polling",
];

/** The connections of this server, and names of sessions on others. */
export const sessions: MakeView = (shell, parameters) => {
  const asked = {
    user: parameters.get("user") ?? "",
    destination: parameters.get("destination") ?? "",
    transport: parameters.get("transport") ?? "",
    sort: parameters.get("sort") ?? "since",
    page: Number(parameters.get("page") ?? 0),
  };
  const rates = new Rates();
  const again = (changed: Record<string, string | number>) =>
    shell.go("sessions", { ...asked, page: 0, ...changed });
  const list = table<SessionRow>(
    words.sessions,
    [
      { title: words.user, sort: "user", cell: nameOf },
      {
        title: words.transport,
        sort: "transport",
        cell: ({ transport, version }) => `${transport}${version ? `, ${version}` : ""}`,
      },
      { title: words.address, sort: "address", cell: ({ address }) => mono(address) },
      { title: words.since, sort: "since", isNumber: true, cell: ({ since }) => lasted(since) },
      {
        title: words.inPerSecond,
        sort: "received",
        isNumber: true,
        cell: (row) => rates.text(row, "framesReceived"),
      },
      {
        title: words.outPerSecond,
        sort: "sent",
        isNumber: true,
        cell: (row) => rates.text(row, "framesSent"),
      },
      {
        title: words.waiting,
        sort: "waiting",
        isNumber: true,
        cell: ({ bytesWaiting }) =>
          h("span", { class: bytesWaiting > 0 ? "warn" : undefined }, bytes(bytesWaiting)),
      },
    ],
    (sort) => again({ sort }),
  );
  const empty = h("p", { class: "empty", hidden: true }, words.noSessions);
  const foot = h("div", { class: "pager" });
  const others = h("div", {});
  const form = filter(
    again,
    words.show,
    field(words.userOrSession, "user", asked.user),
    field(words.hearing, "destination", asked.destination, { placeholder: "/topic/…" }),
    choice(words.transport, "transport", asked.transport, [
      ["", words.any],
      ...TRANSPORTS.map((each) => [each, each] as const),
    ]),
    choice(words.sortBy, "sort", asked.sort, [
      ["since", words.since],
      ["user", words.user],
      ["waiting", words.waiting],
      ["received", words.inPerSecond],
      ["sent", words.outPerSecond],
      ["address", words.address],
      ["transport", words.transport],
    ]),
  );
  return {
    element: h(
      "section",
      {},
      h("h2", {}, words.sessions),
      h("p", { class: "hint" }, words.sessionsHint),
      form,
      list.element,
      empty,
      foot,
      others,
    ),
    async refresh() {
      const answer = await ask<ListAnswer<SessionRow>>("sessions", asked);
      rates.note(answer.rows);
      list.show(answer.rows, asked.sort);
      list.element.hidden = answer.rows.length === 0;
      empty.hidden = answer.rows.length > 0;
      pager(foot, answer, (page) => again({ page }));
      showElsewhere(others, await ask<ListAnswer<ElsewhereRow>>("elsewhere"));
    },
  };
};

/** The name of a session's user, as a link to the session. */
export function nameOf({ id, user, isConnected }: SessionRow): HTMLElement {
  return h(
    "span",
    {},
    h("a", { href: addressOf("session", { id }) }, user === undefined ? words.stranger : mono(user)),
    " ",
    user === undefined && h("span", { class: "mono" }, id.slice(0, 8)),
    !isConnected && h("span", { class: "tag" }, words.notConnected),
  );
}

function showElsewhere(element: HTMLElement, answer: ListAnswer<ElsewhereRow>): void {
  if (answer.matched === 0) {
    fill(element);
    return;
  }
  const list = table<ElsewhereRow>(`${words.elsewhere}: ${number(answer.matched)}`, [
    { title: words.user, cell: ({ user }) => mono(user) },
    { title: words.server, cell: ({ server }) => mono(server) },
    { title: words.session, cell: ({ sessionId }) => mono(sessionId) },
  ]);
  list.show(answer.rows);
  fill(element, h("h3", {}, words.elsewhere), list.element);
}

/** Knows how many frames sessions had when they were last looked at. */
class Rates {
  #before = new Map<string, SessionRow>();
  #now = new Map<string, SessionRow>();
  #seconds = 0;
  #at = 0;

  note(rows: readonly SessionRow[]): void {
    const at = performance.now();
    this.#seconds = this.#at === 0 ? 0 : (at - this.#at) / 1_000;
    this.#at = at;
    this.#before = this.#now;
    this.#now = new Map(rows.map((row) => [row.id, row]));
  }

  text(row: SessionRow, count: "framesReceived" | "framesSent"): string {
    const before = this.#before.get(row.id);
    if (!before || this.#seconds === 0) return "–";
    return say(words.perSecond, number(Math.max(0, row[count] - before[count]) / this.#seconds));
  }
}
