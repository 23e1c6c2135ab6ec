import type { InspectorPermission, OverviewAnswer } from "./answers.js";
import { ask, Refused } from "./api.js";
import { destinations } from "./destinations.js";
import { fill, h, plain } from "./dom.js";
import { lasted } from "./format.js";
import { mappings } from "./mappings.js";
import { overview } from "./overview.js";
import { rules } from "./rules.js";
import { send } from "./send.js";
import { session } from "./session.js";
import { sessions } from "./sessions.js";
import { tap } from "./tap.js";
import { addressOf, type MakeView, type Sample, type Shell, type View } from "./view.js";
import { language, say, words } from "./words.js";

/** How often the page asks, in ms; not while nobody sees it. */
const EVERY = 2_000;
/** So many answers are kept for the chart: ten minutes. */
const SAMPLES = 300;

const PAGES: Readonly<
  Record<string, { readonly make: MakeView; readonly title?: string; readonly needs?: InspectorPermission }>
> = {
  overview: { make: overview, title: words.overview },
  sessions: { make: sessions, title: words.sessions },
  session: { make: session },
  destinations: { make: destinations, title: words.destinations },
  tap: { make: tap, title: words.tap },
  rules: { make: rules, title: words.rules },
  mappings: { make: mappings, title: words.mappings },
  send: { make: send, title: words.send, needs: "send" },
};

const state = h("span", { class: "state", role: "status" });
const person = h("span", {});
const menu = h("nav", { "aria-label": words.pages });
const problem = h("div", { class: "problem", role: "alert", hidden: true });
const notice = h("div", { class: "notice", role: "status" });
const main = h("main", { id: "content", tabindex: "-1" });
const samples: Sample[] = [];
let view: View | undefined;
let place = "";
let isAsking = false;

const shell: Shell = {
  samples,
  may: (permission) => samples.at(-1)?.overview.allowed.includes(permission) === true,
  go(page, parameters) {
    const address = addressOf(page, parameters);
    if (location.hash === address) show();
    else location.hash = address;
  },
  tell(text) {
    fill(notice, h("p", { class: "good" }, text));
    void refresh();
  },
};

document.title = words.title;
fill(
  document.body,
  h("a", { class: "skip", href: "#content", click: skip }, words.skip),
  h(
    "header",
    {},
    h(
      "div",
      { class: "top" },
      h("h1", {}, words.title),
      state,
      h(
        "span",
        { class: "who" },
        person,
        h(
          "a",
          { href: "", lang: language === "ko" ? "en" : "ko", click: changeLanguage },
          words.otherLanguage,
        ),
      ),
    ),
    menu,
  ),
  problem,
  notice,
  main,
);

addEventListener("hashchange", show);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) void refresh();
});
await refresh();
show();
setInterval(() => {
  if (!document.hidden) void refresh();
}, EVERY);

/** Shows the page that the address names. */
function show(): void {
  const [name = "", query = ""] = location.hash.replace(/^#\/?/, "").split("?", 2);
  const known = Object.hasOwn(PAGES, name) ? name : "overview";
  view?.leave?.();
  fill(notice);
  place = known;
  view = PAGES[known]!.make(shell, new URLSearchParams(query));
  fill(main, view.element);
  const { title } = PAGES[known === "session" ? "sessions" : known]!;
  document.title = `${title} · ${words.title}`;
  showMenu();
  void refreshView();
}

function showMenu(): void {
  const current = place === "session" ? "sessions" : place;
  const links = Object.entries(PAGES).flatMap(([name, { title, needs }]) =>
    title === undefined || (needs && !shell.may(needs))
      ? []
      : [h("a", { href: addressOf(name), "aria-current": name === current && "page" }, title)],
  );
  if (!menu.contains(document.activeElement) || menu.childElementCount !== links.length) fill(menu, ...links);
  else {
    for (const [at, link] of links.entries()) {
      const now = menu.children[at];
      if (link.hasAttribute("aria-current")) now?.setAttribute("aria-current", "page");
      else now?.removeAttribute("aria-current");
    }
  }
  // On a phone the menu is wider than the page.
  menu.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
}

/** Asks for the state of the server, and has the page do the same. */
async function refresh(): Promise<void> {
  // One that takes long is not asked again meanwhile.
  if (isAsking) return;
  isAsking = true;
  try {
    const answer = await ask<OverviewAnswer>("overview");
    const isFirst = samples.length === 0;
    samples.push({ at: performance.now(), overview: answer });
    if (samples.length > SAMPLES) samples.shift();
    showState(answer);
    if (isFirst) showMenu();
    await view?.refresh?.();
    problem.hidden = true;
  } catch (error) {
    showProblem(error);
  } finally {
    isAsking = false;
  }
}

async function refreshView(): Promise<void> {
  try {
    await view?.refresh?.();
  } catch (error) {
    showProblem(error);
  }
}

function showState({ status, statusSince, now, by }: OverviewAnswer): void {
  const since = say(words.sinceTime, lasted(statusSince, Date.parse(now)));
  fill(state, h("span", { class: `dot ${status}` }), `${words[status]}, ${since}`);
  fill(person, say(words.lookingAs, by === undefined ? words.nobody : plain(by)));
}

function showProblem(error: unknown): void {
  problem.hidden = false;
  const text = error instanceof Refused ? error.message : `${words.unreachable} ${words.isOld}`;
  if (problem.textContent !== text) fill(problem, text);
}

/** The address has the page's name where a fragment would be. */
function skip(event: Event): void {
  event.preventDefault();
  main.focus();
}

function changeLanguage(event: Event): void {
  event.preventDefault();
  location.assign(`?lang=${language === "ko" ? "en" : "ko"}${location.hash}`);
}
