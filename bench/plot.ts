import type { Summary } from "./report.js";

const [ROW, LABEL, WIDTH, TOP] = [26, 290, 420, 46];
const SCALE = 2;

/** Bars: server CPU per delivery as ratio to the bare server, with the goal as a mark. */
export function plotOf(summaries: readonly Summary[]): string {
  const rows = summaries.filter(
    ({ peer, ratio, scenario }) => peer === "express-stomp" && ratio !== undefined && scenario !== "connect",
  );
  const x = (ratio: number) => LABEL + (Math.min(ratio, SCALE) / SCALE) * WIDTH;
  const height = TOP + rows.length * ROW + 12;
  const bars = rows.flatMap(({ title, ratio = 0, goal }, i) => {
    const y = TOP + i * ROW;
    return [
      `<text x="${LABEL - 8}" y="${y + 14}" text-anchor="end">${title}</text>`,
      `<rect x="${LABEL}" y="${y + 2}" width="${(x(ratio) - LABEL).toFixed(1)}" height="16" fill="#3178c6"/>`,
      `<text x="${(x(ratio) + 5).toFixed(1)}" y="${y + 14}">${ratio.toFixed(2)}</text>`,
      goal === undefined
        ? ""
        : `<path d="M${x(goal).toFixed(1)} ${y}v20" stroke="#d9480f" stroke-width="2" fill="none"/>`,
    ];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${LABEL + WIDTH + 60} ${height}" font-family="sans-serif" font-size="13">`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    `<text x="12" y="18" font-weight="bold">Server CPU per delivery, bare ws server = 1 (orange: goal)</text>`,
    `<path d="M${x(1).toFixed(1)} ${TOP - 12}V${height - 8}" stroke="#868e96" stroke-dasharray="4 3" fill="none"/>`,
    `<text x="${x(1).toFixed(1)}" y="${TOP - 15}" text-anchor="middle" fill="#868e96">bare ws</text>`,
    ...bars.filter(Boolean),
    "</svg>\n",
  ].join("\n");
}
