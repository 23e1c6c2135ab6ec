import { readFileSync, writeFileSync } from "node:fs";
import { medianOf } from "./median.js";
import { table, writeIntoPage } from "./page.js";
import { plotGrowth } from "./plot-growth.js";
import { plotPeers } from "./plot-peers.js";
import type { Measurement } from "./run-once.js";
import { type Connect, type Flow, referenceOf, SCENARIOS, type Scenario } from "./scenarios.js";

export const MEASUREMENTS = "build/bench-measurements.jsonl";

/** Medians over the rounds. */
export interface Summary {
  readonly scenario: Scenario;
  readonly peer: string;
  readonly rounds: number;
  readonly user: number;
  readonly system: number;
  /** Median of the rounds' own ratios to what it is compared with; `undefined` where no round had that. */
  readonly ratio: number | undefined;
  /** The least and the most of them. */
  readonly range: readonly [number, number] | undefined;
  readonly rate: number;
  readonly rateBefore: number;
  readonly p50: number;
  readonly p99: number;
  readonly growth: number;
  readonly resident: number;
  readonly cut: number;
}

/** Writes the tables and the plots of all that was measured into the page. */
export function writeReport(): void {
  const summaries = summarize(
    readFileSync(MEASUREMENTS, "utf8")
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Measurement),
  );
  const tables = [flowTable(summaries), connectTable(summaries), slowTable(summaries)].filter(Boolean);
  writeIntoPage(
    "bench",
    `![Server CPU per delivery, beside a bare ws loop](performance.svg)\n\n${tables.join("\n\n")}`,
  );
  writeFileSync("docs/performance.svg", plotPeers(summaries));
  const sessions = summaries.filter(({ scenario }) => scenario.kind === "flow" && scenario.growth);
  if (sessions.length > 0) writeFileSync("docs/growth-sessions.svg", plotGrowth(sessionsChart(sessions)));
}

function summarize(all: readonly Measurement[]): Summary[] {
  return SCENARIOS.flatMap((scenario) => {
    const ofScenario = all.filter((each) => each.scenario === scenario.name);
    return [...new Set(ofScenario.map(({ peer }) => peer))].map((peer): Summary => {
      const rounds = ofScenario.filter((each) => each.peer === peer);
      const median = (value: (each: Measurement) => number) => medianOf(rounds.map(value));
      const reference = referenceOf(scenario, peer);
      const ratios = rounds.flatMap((each) => {
        const other = all.find(
          ({ round, ...its }) =>
            round === each.round && its.scenario === reference.scenario && its.peer === reference.peer,
        );
        return other ? [cpu(each) / cpu(other)] : [];
      });
      return {
        scenario,
        peer,
        rounds: rounds.length,
        user: median(({ user }) => user),
        system: median(({ system }) => system),
        ratio: ratios.length > 0 ? medianOf(ratios) : undefined,
        range: ratios.length > 0 ? [Math.min(...ratios), Math.max(...ratios)] : undefined,
        rate: median(({ deliveries, seconds }) => deliveries / seconds),
        rateBefore: median(({ rateBefore }) => rateBefore),
        p50: median(({ p50 }) => p50),
        p99: median(({ p99 }) => p99),
        growth: median(({ growth }) => growth),
        resident: median(({ resident }) => resident),
        cut: Math.min(...rounds.map(({ cut }) => cut)),
      };
    });
  });
}

function cpu({ user, system }: Measurement): number {
  return user + system;
}

function isFlow(summary: Summary): summary is Summary & { readonly scenario: Flow } {
  return summary.scenario.kind === "flow" && summary.scenario.stopped === undefined;
}

function goalOf({ peer, scenario }: Summary): string {
  return peer === "express-stomp" && scenario.goal !== undefined ? `≤ ${scenario.goal}` : "";
}

function ratioOf({ ratio, range, rounds }: Summary): string {
  if (ratio === undefined || range === undefined) return "–";
  return rounds > 1 && range[0] !== range[1]
    ? `${ratio.toFixed(2)} (${range.map((end) => end.toFixed(2)).join("–")})`
    : ratio.toFixed(2);
}

function flowTable(summaries: readonly Summary[]): string {
  const rows = summaries
    .filter(isFlow)
    .map((each) => [
      each.scenario.title,
      each.peer,
      `${(each.user + each.system).toFixed(2)} (${each.user.toFixed(2)} + ${each.system.toFixed(2)})`,
      ratioOf(each),
      goalOf(each),
      `${Math.round(each.rate / 1000)}k`,
      `${each.p50.toFixed(1)} / ${each.p99.toFixed(1)}`,
      String(each.rounds),
    ]);
  const head = [
    "scenario",
    "peer",
    "CPU µs (user + system)",
    "ratio (least–most)",
    "goal",
    "deliveries/s",
    "p50 / p99 ms",
    "rounds",
  ];
  return table(head, rows);
}

function connectTable(summaries: readonly Summary[]): string {
  const rows = summaries.flatMap((each) => {
    if (each.scenario.kind !== "connect") return [];
    const { title, connections, memoryGoal }: Connect = each.scenario;
    return [
      [
        title,
        each.peer,
        (each.user + each.system).toFixed(0),
        ratioOf(each),
        goalOf(each),
        Math.round(each.rate).toString(),
        (each.resident / connections / 1024).toFixed(1),
        each.peer === "express-stomp" ? `≤ ${memoryGoal}` : "",
        String(each.rounds),
      ],
    ];
  });
  const head = [
    "connect, subscribe, stay",
    "peer",
    "CPU µs each",
    "ratio (least–most)",
    "goal",
    "each s",
    "RSS KiB each, idle",
    "goal",
    "rounds",
  ];
  return table(head, rows);
}

function slowTable(summaries: readonly Summary[]): string {
  const rows = summaries
    .filter(({ scenario }) => scenario.kind === "flow" && scenario.stopped !== undefined)
    .map((each) => [
      each.scenario.title,
      each.peer,
      (each.user + each.system).toFixed(2),
      `${Math.round(each.rateBefore / 1000)}k → ${Math.round(each.rate / 1000)}k`,
      (each.growth / 1e6).toFixed(1),
      String(each.cut),
      String(each.rounds),
    ]);
  const head = [
    "slow consumers",
    "peer",
    "CPU µs",
    "others' deliveries/s, before → during",
    "RSS growth MB",
    "cut",
    "rounds",
  ];
  return table(head, rows);
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
