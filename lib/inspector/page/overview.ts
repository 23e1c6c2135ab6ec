import { fill, h, mono, table } from "./dom.js";
import { number } from "./format.js";
import type { MakeView, Sample } from "./view.js";
import { say, words } from "./words.js";

/** So many points a line of the chart has at least: fewer stand at its right. */
const POINTS = 30;

interface CountRow {
  readonly name: string;
  readonly value: number;
  readonly rate: number | undefined;
}

/** The state of the server, and its counts. */
export const overview: MakeView = (shell) => {
  const cards = h("dl", { class: "cards" });
  const chart = h("div", { class: "chart" });
  const counts = table<CountRow>(words.counts, [
    { title: words.count, cell: ({ name }) => mono(name) },
    { title: words.value, isNumber: true, cell: ({ value }) => number(value) },
    { title: words.rate, isNumber: true, cell: ({ rate }) => (rate ? number(rate) : "") },
  ]);
  return {
    element: h(
      "section",
      {},
      h("h2", {}, words.overview),
      h("p", { class: "hint" }, words.ownServer),
      cards,
      chart,
      h("h3", {}, words.counts),
      counts.element,
    ),
    async refresh() {
      const { samples } = shell;
      const newest = samples.at(-1);
      if (!newest) return;
      const before = samples.at(-2);
      const { stats, users, endpoints } = newest.overview;
      const now = leavesOf(stats);
      const earlier = before && leavesOf(before.overview.stats);
      const seconds = before ? (newest.at - before.at) / 1_000 : 0;
      const rows = [...now].map(([name, value]) => ({
        name,
        value,
        rate: earlier && seconds > 0 ? (value - (earlier.get(name) ?? 0)) / seconds : undefined,
      }));
      const per = (rate: number | undefined) =>
        rate === undefined ? "–" : say(words.perSecond, number(rate));
      fill(
        cards,
        card(words.connections, number(now.get("connections") ?? 0)),
        card(words.connected, number(now.get("sessions") ?? 0)),
        card(words.users, number(users)),
        card(words.received, per(rateBetween(before, newest, "received"))),
        card(words.sent, per(rateBetween(before, newest, "sent"))),
        ...gapsOf(now),
        card(words.endpoints, endpoints.join("\n"), true),
      );
      draw(chart, samples);
      counts.show(rows);
    },
  };
};

function card(title: string, value: string, isText = false): HTMLElement {
  return h(
    "div",
    { class: "card" },
    h("dt", {}, title),
    h("dd", { class: isText ? "text" : undefined }, value),
  );
}

/** Nobody would look for it among all counts: shown when a backplane has lost something. */
function gapsOf(counts: ReadonlyMap<string, number>): HTMLElement[] {
  const gaps = counts.get("gaps") ?? 0;
  return gaps > 0 ? [card(words.gaps, number(gaps))] : [];
}

/** All numbers of a tree, by their paths. */
function leavesOf(tree: Readonly<Record<string, unknown>>, path = ""): Map<string, number> {
  const leaves = new Map<string, number>();
  for (const [name, value] of Object.entries(tree)) {
    const here = path === "" ? name : `${path}.${name}`;
    if (typeof value === "number") leaves.set(here, value);
    else if (typeof value === "object" && value !== null) {
      for (const [below, leaf] of leavesOf(value as Record<string, unknown>, here)) leaves.set(below, leaf);
    }
  }
  return leaves;
}

const COUNTS = { received: "framesReceived", sent: "messagesSent" } as const;

function rateBetween(
  before: Sample | undefined,
  after: Sample,
  which: keyof typeof COUNTS,
): number | undefined {
  if (!before || after.at <= before.at) return undefined;
  const of = ({ overview: { stats } }: Sample) => Number(stats[COUNTS[which]] ?? 0);
  // A server that was started anew counts from nothing.
  return Math.max(0, ((of(after) - of(before)) / (after.at - before.at)) * 1_000);
}

function draw(chart: HTMLElement, samples: readonly Sample[]): void {
  if (samples.length < 3) {
    fill(chart, h("h3", {}, words.framesLast), h("p", { class: "legend" }, words.noFramesYet));
    return;
  }
  const lines = (["received", "sent"] as const).map((which) =>
    samples.slice(1).map((sample, at) => rateBetween(samples[at], sample, which) ?? 0),
  );
  const most = Math.max(1, ...lines.flat());
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const width = Math.max(POINTS, samples.length) - 1;
  svg.setAttribute("viewBox", `0 0 ${width} 100`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  for (const [at, rates] of lines.entries()) {
    const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
    const from = width - rates.length + 1;
    line.setAttribute("points", rates.map((rate, x) => `${from + x},${98 - (rate / most) * 94}`).join(" "));
    if (at === 1) line.setAttribute("class", "second");
    svg.append(line);
  }
  const legend = [words.received, words.sent].map((word, at) =>
    h(
      "span",
      {},
      h("span", { class: at === 1 ? "key second" : "key" }),
      `${word}: ${say(words.perSecond, number(lines[at]?.at(-1) ?? 0))} (≤ ${number(Math.max(...(lines[at] ?? [0])))})`,
    ),
  );
  fill(chart, h("h3", {}, words.framesLast), svg, h("p", { class: "legend" }, ...legend));
}
