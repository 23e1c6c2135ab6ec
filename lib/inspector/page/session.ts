import type { SessionAnswer, SubscriptionRow } from "./answers.js";
import { ask } from "./api.js";
import { withReason } from "./dialog.js";
import { fill, h, mono, plain, table } from "./dom.js";
import { bytes, lasted, number } from "./format.js";
import { addressOf, type MakeView } from "./view.js";
import { say, words } from "./words.js";

/** One session: its facts, its subscriptions, and what may be done to it. */
export const session: MakeView = (shell, parameters) => {
  const id = parameters.get("id") ?? "";
  const facts = h("dl", { class: "cards facts" });
  const actions = h("div", { class: "actions" });
  const heading = h("h2", {}, words.session);
  const empty = h("p", { class: "empty", hidden: true }, words.noSubscriptions);
  let whose = "";
  /** The user whom the buttons are for; one may come with CONNECT. */
  let known: string | undefined;
  const list = table<SubscriptionRow>(words.subscriptions, [
    {
      title: words.destination,
      cell: ({ destination, isPrivate }) =>
        h("span", {}, mono(destination), " ", isPrivate && h("span", { class: "tag" }, words.own)),
    },
    { title: words.subscription, cell: (row) => mono(row.id) },
    { title: words.ack, cell: ({ ack }) => ack },
    { title: words.selector, cell: ({ selector }) => selector !== undefined && mono(selector) },
    {
      title: words.unacknowledged,
      isNumber: true,
      cell: ({ unacknowledged }) => unacknowledged !== undefined && number(unacknowledged),
    },
    ...(shell.may("unsubscribe")
      ? [{ title: words.unsubscribe, cell: (row: SubscriptionRow) => unsubscribeButton(row) }]
      : []),
  ]);
  const unsubscribeButton = (row: SubscriptionRow) =>
    h(
      "button",
      {
        type: "button",
        class: "small danger",
        "aria-label": `${words.unsubscribe}: ${plain(row.destination)}`,
        click: () =>
          withReason(shell, {
            question: say(words.reallyUnsubscribe, `${whose}, ${plain(row.destination)}`),
            act: "unsubscribe",
            label: words.unsubscribe,
            body: { sessionId: id, id: row.id },
          }),
      },
      words.unsubscribe,
    );
  return {
    element: h(
      "section",
      {},
      h("p", {}, h("a", { href: addressOf("sessions") }, `← ${words.back}`)),
      heading,
      facts,
      actions,
      h("h3", {}, words.subscriptions),
      list.element,
      empty,
    ),
    async refresh() {
      const answer = await ask<SessionAnswer>(`sessions/${encodeURIComponent(id)}`);
      const { session: row, subscriptions, subscriptionCount } = answer;
      whose = row.user === undefined ? `${words.stranger} ${id.slice(0, 8)}` : plain(row.user);
      fill(heading, row.user === undefined ? words.stranger : mono(row.user));
      const fact = (title: string, ...value: (string | HTMLElement)[]) =>
        h("div", { class: "card" }, h("dt", {}, title), h("dd", { class: "text" }, ...value));
      fill(
        facts,
        fact(words.session, mono(row.id)),
        fact(words.transport, `${row.transport}${row.version ? `, STOMP ${row.version}` : ""}`),
        fact(words.address, mono(row.address)),
        fact(words.since, lasted(row.since)),
        fact(words.received, say(words.framesBytes, number(row.framesReceived), bytes(row.bytesReceived))),
        fact(words.sent, say(words.framesBytes, number(row.framesSent), bytes(row.bytesSent))),
        fact(words.waiting, bytes(row.bytesWaiting)),
        fact(words.subscriptions, number(subscriptionCount)),
      );
      const isNew = !actions.hasChildNodes() || known !== row.user;
      if (isNew && !actions.contains(document.activeElement)) {
        known = row.user;
        fill(actions, ...buttons(row.user));
      }
      list.show(subscriptions);
      list.element.hidden = subscriptions.length === 0;
      empty.hidden = subscriptions.length > 0;
    },
  };

  function buttons(user: string | undefined): HTMLElement[] {
    const end = (label: string, who: string, body: Record<string, string>) =>
      h(
        "button",
        {
          type: "button",
          class: "danger",
          click: () =>
            withReason(shell, {
              question: say(words.reallyDisconnect, who),
              act: "disconnect",
              label: words.disconnect,
              body,
            }),
        },
        label,
      );
    const tap = h("button", { type: "button", click: () => shell.go("tap", { of: id }) }, words.tapSession);
    if (!shell.may("disconnect")) return [tap];
    return [
      tap,
      end(words.disconnect, whose, { sessionId: id }),
      ...(user === undefined ? [] : [end(say(words.disconnectUser, plain(user)), plain(user), { user })]),
    ];
  }
};
