import { COLOURS } from "./colours.js";
import type { Summary } from "./results.js";
import type { Flow } from "./scenarios.js";

const [ROW, LABEL, WIDTH, TOP, RIGHT] = [24, 300, 520, 90, 30];
/** Peers in a line of the legend. */
const LEGEND = 6;
const [LEAST, MOST] = [0.05, 20];
const TICKS = [0.1, 0.2, 0.5, 1, 2, 5, 10];

/** Server CPU per delivery as ratio to the bare server: a row for each scenario, a dot for each peer. */
export function plotPeers(summaries: readonly Summary[]): string {
  const shown = summaries.filter(
    ({ peer, ratio, scenario }) =>
      ratio !== undefined &&
      scenario.kind === "flow" &&
      scenario.stopped === undefined &&
      isPlotted(scenario, peer),
  );
  const titles = [...new Set(shown.map(({ scenario }) => scenario.title))];
  const height = TOP + titles.length * ROW + 16;
  const rows = titles.flatMap((title, i) => {
    const y = TOP + i * ROW + ROW / 2;
    const peers = shown.filter(({ scenario }) => scenario.title === title);
    const goal = peers[0]?.scenario.goal;
    const ours = peers.find(({ peer }) => peer === "express-stomp")?.ratio;
    return [
      `<path d="M${LABEL} ${y}h${WIDTH}" stroke="#f1f3f5"/>`,
      `<text x="${LABEL - 10}" y="${y + 4}" text-anchor="end">${title}</text>`,
      goal === undefined ? "" : `<path d="M${x(goal)} ${y - 9}v18" stroke="#d9480f" stroke-width="2"/>`,
      ...peers.map(
        ({ peer, ratio = 1 }) =>
          `<circle cx="${x(ratio)}" cy="${y}" r="${peer === "express-stomp" ? 6 : 4.5}" fill="${COLOURS[peer] ?? "#000"}"/>`,
      ),
      ours === undefined
        ? ""
        : `<text x="${LABEL + WIDTH + 6}" y="${y + 4}" fill="#d9480f" font-size="12">${ours.toFixed(2)}</text>`,
    ];
  });
  const peers = [...new Set(shown.map(({ peer }) => peer))];
  const legend = peers.flatMap((peer, i) => {
    const left = 16 + (i % LEGEND) * 128;
    const y = 36 + Math.floor(i / LEGEND) * 20;
    return [
      `<circle cx="${left}" cy="${y}" r="5" fill="${COLOURS[peer] ?? "#000"}"/>`,
      `<text x="${left + 10}" y="${y + 4}">${peer}</text>`,
    ];
  });
  const grid = TICKS.flatMap((tick) => [
    `<path d="M${x(tick)} ${TOP}V${height - 10}" stroke="${tick === 1 ? "#868e96" : "#dee2e6"}"/>`,
    `<text x="${x(tick)}" y="${TOP - 5}" text-anchor="middle" fill="#868e96" font-size="11">${tick}</text>`,
  ]);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${LABEL + WIDTH + RIGHT + 20} ${height}" font-family="sans-serif" font-size="13">`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    `<text x="12" y="20" font-weight="bold" font-size="12">Server CPU per delivery beside a bare ws server; patterns beside the peer’s own exact fan-out. Marks are goals</text>`,
    ...legend,
    ...grid,
    ...rows.filter(Boolean),
    "</svg>\n",
  ].join("\n");
}

/** Scenarios that are compared with something else than a bare server, and their peers, stand in the table alone. */
function isPlotted({ reference = "ws-loop" }: Flow, peer: string): boolean {
  return reference in COLOURS && reference !== "express-stomp" && peer in COLOURS;
}

function x(ratio: number): string {
  const share = Math.log(Math.min(Math.max(ratio, LEAST), MOST) / LEAST) / Math.log(MOST / LEAST);
  return (LABEL + share * WIDTH).toFixed(1);
}
