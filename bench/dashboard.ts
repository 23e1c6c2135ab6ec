// `npm run docs:dashboard`: draws panels of the Grafana dashboard from scrapes of a server at work, into docs/grafana/.

import "reflect-metadata";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import express from "express";
import { Controller, MessageMapping, SendTo, simpleBroker, stompMessaging } from "express-stomp";
import { prometheus } from "express-stomp/prometheus";
import { BackplaneHub, FaultyBackplane } from "express-stomp/testing";
import WebSocket from "ws";
import { MORE_COLOURS } from "./colours.js";

/** A scrape: the number of each series. */
type Scrape = ReadonlyMap<string, number>;

interface Line {
  readonly name: string;
  readonly points: readonly number[];
}

const SCRAPES = 60;
const EVERY = 500;
const [PANEL_WIDTH, PANEL_HEIGHT, COLUMNS, LEFT, TOP] = [340, 250, 3, 46, 34];
/** The scrapes at which the backplane has lost something. */
const LOSSES = [20, 41, 42];

@Controller()
class RoomController {
  @MessageMapping("/room/{id}")
  @SendTo("/topic/room.{id}")
  async room() {
    await new Promise((resolve) => setTimeout(resolve, 4 + 20 * Math.random() ** 4));
    return "hello";
  }

  @MessageMapping("/jobs")
  @SendTo("/queue/jobs")
  jobs() {
    return "a job";
  }
}

const app = express();
const metrics = prometheus();
const messaging = stompMessaging({
  endpoints: [{ path: "/ws" }],
  applicationDestinationPrefixes: ["/app"],
  broker: simpleBroker({ queuePrefixes: ["/queue"] }),
  controllers: [RoomController],
  observation: metrics,
});
app.use(messaging);
// A server that shares its topics has no queues: it stands beside.
const backplane = new FaultyBackplane(new BackplaneHub());
const sharing = prometheus();
const other = stompMessaging({
  endpoints: [{ path: "/other" }],
  broker: simpleBroker({ backplane, trusted: true }),
  observation: sharing,
});
const server = createServer(app);
messaging.attach(server);
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const { port } = server.address() as AddressInfo;

/** A client that has subscribed to its room, and to jobs if it is one of those who do them. */
function connect(room: number, works: boolean): WebSocket {
  const client = new WebSocket(`ws://127.0.0.1:${port}/ws`, ["v12.stomp"]);
  const say = (text: string) => client.readyState === client.OPEN && client.send(text);
  client.on("open", () => {
    say("CONNECT\naccept-version:1.2\nhost:x\nheart-beat:0,0\n\n\0");
    say(`SUBSCRIBE\nid:0\ndestination:/topic/room.${room}\n\n\0`);
    if (works) say("SUBSCRIBE\nid:1\ndestination:/queue/jobs\nack:client-individual\nprefetch-count:2\n\n\0");
  });
  client.on("message", (data: Buffer) => {
    const ack = /\nack:(\S+)\n/.exec(data.toString())?.[1];
    if (ack !== undefined) setTimeout(() => say(`ACK\nid:${ack}\n\n\0`), 120);
  });
  return client;
}

/** Most say goodbye; some lines break, and some programs close with a code of their own. */
function leave(client: WebSocket | undefined, moment: number): void {
  if (moment % 5 === 0) client?.terminate();
  else client?.close(moment % 7 === 0 ? 4000 : 1000);
}

const clients: WebSocket[] = [];
const scrapes: Scrape[] = [];
for (let moment = 0; moment < SCRAPES; moment++) {
  const tide = Math.sin((moment / SCRAPES) * Math.PI);
  while (clients.length < 10 + 60 * tide)
    clients.push(connect(clients.length % 5, clients.length % 20 === 0));
  while (clients.length > 10 + 60 * tide) leave(clients.shift(), moment);
  const begin = performance.now();
  if (LOSSES.includes(moment)) backplane.tellLost();
  for (const client of clients) {
    if (client.readyState !== client.OPEN || Math.random() > 0.4) continue;
    client.send(`SEND\ndestination:/app/room/${Math.floor(Math.random() * 5)}\n\nhi\0`);
    if (Math.random() < 0.5) client.send("SEND\ndestination:/app/jobs\n\njob\0");
  }
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, EVERY - (performance.now() - begin))));
  const beside = [...parse(await sharing.registry.metrics())].filter(([name]) => name.includes("_server_"));
  scrapes.push(new Map([...parse(await metrics.registry.metrics()), ...beside]));
}
for (const client of clients) client.terminate();
await messaging.close();
await other.close();
server.close();

function parse(text: string): Scrape {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => [
      line.slice(0, line.lastIndexOf(" ")),
      Number(line.slice(line.lastIndexOf(" ") + 1)),
    ]),
  );
}

/** Each series of a metric, by a label. @param of what its labels are to have */
function series(metric: string, label?: string, of = ""): Line[] {
  const names = new Set(scrapes.flatMap((scrape) => [...scrape.keys()]));
  const own = [...names].filter(
    (name) => name === metric || (name.startsWith(`${metric}{`) && name.includes(of)),
  );
  return own.map((name) => ({
    name: (label && new RegExp(`${label}="([^"]*)"`).exec(name)?.[1]) || metric.replace("express_stomp_", ""),
    points: scrapes.map((scrape) => scrape.get(name) ?? 0),
  }));
}

/** How much they grow in a second. */
function rates(lines: readonly Line[]): Line[] {
  return lines.map(({ name, points }) => ({
    name,
    points: points.map(
      (point, i) => ((point - (points[Math.max(0, i - 4)] ?? 0)) * 1_000) / (EVERY * Math.min(4, i || 1)),
    ),
  }));
}

/** The quantile of a histogram over the last seconds, as `histogram_quantile` gives it. */
function quantile(metric: string, share: number, { of = "", name = `${share * 100} %` } = {}): Line {
  const buckets = series(`${metric}_bucket`, "le", of).filter(({ name: bound }) => bound !== "+Inf");
  const bounds = [...new Set(buckets.map(({ name: bound }) => Number(bound)))].toSorted((a, b) => a - b);
  const points = scrapes.map((_, i) => {
    const grown = bounds.map((bound) =>
      buckets
        .filter((bucket) => Number(bucket.name) === bound)
        .reduce((sum, { points }) => sum + (points[i] ?? 0) - (points[Math.max(0, i - 8)] ?? 0), 0),
    );
    // Grafana draws no line where nothing was measured.
    if (!grown.at(-1)) return Number.NaN;
    const wanted = (grown.at(-1) ?? 0) * share;
    const at = grown.findIndex((count) => count >= wanted);
    const [low, high] = [at > 0 ? (bounds[at - 1] ?? 0) : 0, bounds[at] ?? 0];
    const [below, within] = [at > 0 ? (grown[at - 1] ?? 0) : 0, grown[at] ?? 0];
    return within === below ? low : low + ((high - low) * (wanted - below)) / (within - below);
  });
  return { name, points };
}

const ENDS = ["left", "lost", "ended"];
const some = (lines: readonly Line[]) => lines.filter(({ points }) => points.some((point) => point > 0));

const PANELS: readonly (readonly [title: string, lines: readonly Line[]])[] = [
  [
    "Connections",
    [...series("express_stomp_connections", "transport"), ...series("express_stomp_subscriptions")],
  ],
  [
    "Messages",
    rates([...series("express_stomp_publications_total"), ...series("express_stomp_deliveries_total")]),
  ],
  [
    "Controllers, time of a call",
    [0.5, 0.95, 0.99]
      .map((share) => quantile("express_stomp_controller_duration_seconds", share))
      .map(({ name, points }) => ({ name, points: points.map((seconds) => seconds * 1_000) })),
  ],
  [
    "Connections that came and went",
    rates([
      ...series("express_stomp_connections_opened_total"),
      ...series("express_stomp_sessions_ended_total", "code"),
    ]),
  ],
  ["Frames from clients", some(rates(series("express_stomp_frames_received_total", "command")))],
  ["Queues", [...series("express_stomp_queue_backlog"), ...series("express_stomp_queue_unacknowledged")]],
  [
    "How long connections lasted",
    ENDS.map((end) => {
      const metric = "express_stomp_connection_duration_seconds";
      return quantile(metric, 0.5, { of: `end="${end}"`, name: `${end}, 50 %` });
    }),
  ],
  [
    "Ends of connections by transport",
    rates(series("express_stomp_connection_duration_seconds_count", "end")).map(({ name, points }) => ({
      name: `websocket, ${name}`,
      points,
    })),
  ],
  ["Publications that may be missing", rates(series("express_stomp_server_gaps_total"))],
];
const UNITS = ["", "a second", "ms", "a second", "a second", "", "s", "a second", "a second"];
const dashboard = readFileSync("docs/grafana/express-stomp.json", "utf8");
for (const [title] of PANELS)
  if (!dashboard.includes(JSON.stringify(title))) throw new Error(`The dashboard has no ${title}`);

function panel(title: string, unit: string, lines: readonly Line[], at: number): string {
  const [x, y] = [(at % COLUMNS) * PANEL_WIDTH, Math.floor(at / COLUMNS) * PANEL_HEIGHT];
  const [width, height] = [PANEL_WIDTH - LEFT - 16, PANEL_HEIGHT - TOP - 60];
  const most = Math.max(1, ...lines.flatMap(({ points }) => points).filter(Number.isFinite)) * 1.1;
  const paths = lines.map(({ points }, i) => {
    const path = points.map((point, n) => {
      if (Number.isNaN(point)) return "";
      const [x, y] = [(n / (points.length - 1)) * width, height - (point / most) * height];
      return `${Number.isNaN(points[n - 1] ?? Number.NaN) ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`;
    });
    return `<path d="${path.join("")}" stroke="${MORE_COLOURS[i % MORE_COLOURS.length]}" stroke-width="1.5" fill="none"/>`;
  });
  const step = 10 ** Math.floor(Math.log10(most)) / (most / 10 ** Math.floor(Math.log10(most)) < 3 ? 2 : 1);
  const ticks = Array.from({ length: Math.floor(most / step) + 1 }, (_, n) => n * step).filter(
    (_, n, all) => all.length < 7 || n % 2 === 0,
  );
  const grid = ticks.map((tick) => {
    const up = (height - (tick / most) * height).toFixed(1);
    return `<path d="M0 ${up}h${width}" stroke="#dee2e6"/><text x="-6" y="${Number(up) + 4}" text-anchor="end">${tick}</text>`;
  });
  const legend = lines.map(
    ({ name }, i) =>
      `<g transform="translate(${(i % 2) * 150} ${height + 22 + Math.floor(i / 2) * 15})"><circle r="4" cy="-4" fill="${MORE_COLOURS[i % MORE_COLOURS.length]}"/><text x="8">${name.replace(/_total$/, "").replaceAll("_", " ")}</text></g>`,
  );
  return [
    `<g transform="translate(${x} ${y})"><text x="12" y="20" font-weight="bold" font-size="13">${title}${unit && `, ${unit}`}</text>`,
    `<g transform="translate(${LEFT} ${TOP})">`,
    ...grid,
    ...paths,
    ...legend,
    "</g></g>",
  ].join("\n");
}

const rows = Math.ceil(PANELS.length / COLUMNS);
writeFileSync(
  "docs/grafana/express-stomp.svg",
  [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${COLUMNS * PANEL_WIDTH} ${rows * PANEL_HEIGHT}" font-family="sans-serif" font-size="11">`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    ...PANELS.map(([title, lines], i) => panel(title, UNITS[i] ?? "", lines, i)),
    "</svg>\n",
  ].join("\n"),
);
