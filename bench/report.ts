import { writeFileSync } from "node:fs";
import { table, writeIntoPage } from "./page.js";
import { plotGrowth } from "./plot-growth.js";
import { plotPeers } from "./plot-peers.js";
import { type Gap, type Result, type Summary, summarize } from "./results.js";
import type { Connect, Flow } from "./scenarios.js";

/** A kind of table: which scenarios it holds, and what stands in a row behind scenario and peer. */
interface Columns {
  readonly holds: (scenario: Summary["scenario"]) => boolean;
  readonly first: string;
  readonly others: Readonly<Record<string, (summary: Summary) => string>>;
}

const goalOf = ({ peer, scenario }: Summary) =>
  isOurs(peer, scenario) && scenario.goal !== undefined ? `≤ ${scenario.goal}` : "";
const isOurs = (peer: string, scenario: Summary["scenario"]) => {
  const { aiming = ["express-stomp"] } = scenario.kind === "flow" ? scenario : {};
  return aiming.includes(peer);
};
const kibibytesEach = (scenario: Summary["scenario"], bytes: number) =>
  (bytes / (scenario as Connect).connections / 1024).toFixed(1);
const milliseconds = (ms: number) => ms.toFixed(ms < 1 ? 2 : 1);
const thousands = (rate: number) => `${Math.round(rate / 1000)}k`;

const FLOW: Columns = {
  holds: (scenario) => scenario.kind === "flow" && scenario.stopped === undefined,
  first: "scenario",
  others: {
    "CPU µs (user + system)": ({ user, system }) =>
      `${(user + system).toFixed(2)} (${user.toFixed(2)} + ${system.toFixed(2)})`,
    "ratio (least–most)": ratioOf,
    goal: goalOf,
    "deliveries/s": ({ rate }) => thousands(rate),
    "p50 / p99 ms": ({ p50, p99 }) => `${milliseconds(p50)} / ${milliseconds(p99)}`,
    rounds: ({ rounds }) => String(rounds),
  },
};

const CONNECT: Columns = {
  holds: ({ kind }) => kind === "connect",
  first: "connect, subscribe, stay",
  others: {
    "CPU µs each": ({ user, system }) => (user + system).toFixed(0),
    "ratio (least–most)": ratioOf,
    goal: goalOf,
    "each s": ({ rate }) => rate.toFixed(0),
    "RSS KiB each, idle": ({ scenario, resident }) => kibibytesEach(scenario, resident),
    "goal, memory": ({ scenario, peer }) => {
      const { memoryGoal } = scenario as Connect;
      return peer === "express-stomp" && memoryGoal !== undefined ? `≤ ${memoryGoal}` : "";
    },
    "without garbage": ({ scenario, collected }) =>
      collected === undefined ? "–" : kibibytesEach(scenario, collected),
    rounds: ({ rounds }) => String(rounds),
  },
};

const SLOW: Columns = {
  holds: (scenario) => scenario.kind === "flow" && scenario.stopped !== undefined,
  first: "slow consumers",
  others: {
    "CPU µs": ({ user, system }) => (user + system).toFixed(2),
    "others' deliveries/s, before → during": ({ rateBefore, rate }) =>
      `${thousands(rateBefore)} → ${thousands(rate)}`,
    "RSS growth MB": ({ growth }) => (growth / 1e6).toFixed(1),
    cut: ({ cut }) => String(cut),
    rounds: ({ rounds }) => String(rounds),
  },
};

/** Writes the tables and the plots of all that was measured into the page. */
export function writeReport(results: readonly Result[]): void {
  const rows = summarize(results);
  const summaries = rows.filter(isSummary);
  writeIntoPage(
    "bench",
    `![Server CPU per delivery, beside a bare ws loop](performance.svg)\n\n${tablesOf(results)}`,
  );
  writeFileSync("docs/performance.svg", plotPeers(summaries));
  const sessions = summaries.filter(({ scenario }) => scenario.kind === "flow" && scenario.growth);
  if (sessions.length > 0) writeFileSync("docs/growth-sessions.svg", plotGrowth(sessionsChart(sessions)));
}

/** The tables alone: a row for each peer, with its figures or why it has none. */
export function tablesOf(results: readonly Result[]): string {
  const rows = summarize(results);
  return [FLOW, CONNECT, SLOW]
    .map(({ holds, first, others }) => {
      const [titles, cells] = [Object.keys(others), Object.values(others)];
      const lines = rows
        .filter(({ scenario }) => holds(scenario))
        .map((row) => [
          row.scenario.title,
          row.peer,
          ...(isSummary(row) ? cells.map((cell) => cell(row)) : [row.why, ...cells.slice(1).map(() => "")]),
        ]);
      return table([first, "peer", ...titles], lines);
    })
    .filter(Boolean)
    .join("\n\n");
}

function isSummary(row: Summary | Gap): row is Summary {
  return !("why" in row);
}

function ratioOf({ ratio, range, rounds }: Summary): string {
  if (ratio === undefined || range === undefined) return "–";
  return rounds > 1 && range[0] !== range[1]
    ? `${ratio.toFixed(2)} (${range.map((end) => end.toFixed(2)).join("–")})`
    : ratio.toFixed(2);
}

function sessionsChart(summaries: readonly Summary[]) {
  const lines = [...new Set(summaries.map(({ peer }) => peer))].map((name) => {
    const points = summaries
      .filter(({ peer }) => peer === name)
      .map(({ scenario, user, system }): [number, number] => [(scenario as Flow).subscribers, user + system]);
    return { name, points };
  });
  return { title: "Server CPU µs per delivery, as sessions grow (10 for each topic)", lines };
}
