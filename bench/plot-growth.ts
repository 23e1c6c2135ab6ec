import { COLOURS, MORE_COLOURS } from "./colours.js";

/** Cost as a number grows: lines of [number, microseconds]. */
export interface GrowthChart {
  readonly title: string;
  readonly lines: readonly {
    readonly name: string;
    readonly points: readonly (readonly [number, number])[];
  }[];
}

const [LEFT, TOP, WIDTH, HEIGHT, RIGHT, BOTTOM] = [56, 44, 420, 220, 290, 40];

/** A chart with both axes logarithmic: what does not grow is level, what grows in step rises with the grid. */
export function plotGrowth({ title, lines }: GrowthChart): string {
  const all = lines.flatMap(({ points }) => points);
  const across = axis(all.map(([number]) => number));
  const up = axis(all.map(([, microseconds]) => microseconds));
  const x = (number: number) => (LEFT + across.share(number) * WIDTH).toFixed(1);
  const y = (microseconds: number) => (TOP + HEIGHT - up.share(microseconds) * HEIGHT).toFixed(1);

  const grid = [
    ...across.ticks.flatMap((tick) => [
      `<path d="M${x(tick)} ${TOP}v${HEIGHT}" stroke="#dee2e6"/>`,
      `<text x="${x(tick)}" y="${TOP + HEIGHT + 18}" text-anchor="middle">${tick.toLocaleString("en")}</text>`,
    ]),
    ...up.ticks.flatMap((tick) => [
      `<path d="M${LEFT} ${y(tick)}h${WIDTH}" stroke="#dee2e6"/>`,
      `<text x="${LEFT - 6}" y="${Number(y(tick)) + 4}" text-anchor="end">${tick}</text>`,
    ]),
  ];
  const drawn = lines.flatMap(({ name, points }, i) => {
    const colour = COLOURS[name] ?? MORE_COLOURS[i % MORE_COLOURS.length];
    const path = points.map(([number, microseconds]) => `${x(number)} ${y(microseconds)}`).join("L");
    const legendY = TOP + 10 + i * 20;
    return [
      `<path d="M${path}" stroke="${colour}" stroke-width="2" fill="none"/>`,
      ...points.map(([number, us]) => `<circle cx="${x(number)}" cy="${y(us)}" r="3.5" fill="${colour}"/>`),
      `<circle cx="${LEFT + WIDTH + 18}" cy="${legendY}" r="4.5" fill="${colour}"/>`,
      `<text x="${LEFT + WIDTH + 28}" y="${legendY + 4}">${name}</text>`,
    ];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${LEFT + WIDTH + RIGHT} ${TOP + HEIGHT + BOTTOM}" font-family="sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    `<text x="12" y="22" font-weight="bold" font-size="13">${title}</text>`,
    ...grid,
    ...drawn,
    "</svg>\n",
  ].join("\n");
}

/** From the power of ten below the least to the one above the most. */
function axis(values: readonly number[]) {
  const least = Math.floor(Math.log10(Math.min(...values)));
  const most = Math.max(Math.ceil(Math.log10(Math.max(...values)) - 1e-9), least + 1);
  const ticks = Array.from({ length: most - least + 1 }, (_, i) => Number(`1e${least + i}`));
  const share = (value: number) => (Math.log10(value) - least) / (most - least);
  return { ticks, share };
}
