import { readFileSync, writeFileSync } from "node:fs";
import { medianOf } from "./median.js";
import { table, writeIntoPage } from "./page.js";
import { plotOf } from "./plot.js";
import type { Measurement } from "./run-once.js";
import { type Flow, referenceOf, SCENARIOS } from "./scenarios.js";

export const MEASUREMENTS = "build/bench-measurements.jsonl";
const PLOT = "docs/performance.svg";

/** Medians over the rounds. */
export interface Summary {
  readonly scenario: string;
  readonly title: string;
  readonly peer: string;
  readonly goal: number | undefined;
  readonly rounds: number;
  readonly user: number;
  readonly system: number;
  /** Median of the rounds' own ratios to the bare server; `undefined` without one. */
  readonly ratio: number | undefined;
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
  readonly growth: number;
  readonly resident: number;
  readonly cut: number;
}

/** Writes the tables and the plot of all that was measured into the page. */
export function writeReport(): void {
  const summaries = summarize(
    readFileSync(MEASUREMENTS, "utf8")
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Measurement),
  );
  const tables = [flowTable(summaries), connectTable(summaries), slowTable(summaries)].filter(Boolean);
  writeIntoPage("bench", `![Server CPU per delivery](performance.svg)\n\n${tables.join("\n\n")}`);
  writeFileSync(PLOT, plotOf(summaries));
}

function summarize(all: readonly Measurement[]): Summary[] {
  return SCENARIOS.flatMap((scenario) => {
    const ofScenario = all.filter((each) => each.scenario === scenario.name);
    const reference = ofScenario.filter(({ peer }) => peer === referenceOf(scenario));
    return [...new Set(ofScenario.map(({ peer }) => peer))].map((peer): Summary => {
      const rounds = ofScenario.filter((each) => each.peer === peer);
      const median = (value: (each: Measurement) => number) => medianOf(rounds.map(value));
      const ratios = rounds
        .slice(0, reference.length)
        .map((each, i) => cpu(each) / cpu(reference[i] as Measurement));
      return {
        scenario: scenario.name,
        title: scenario.title,
        peer,
        goal: (scenario as Flow).goal,
        rounds: rounds.length,
        user: median(({ user }) => user),
        system: median(({ system }) => system),
        ratio: ratios.length > 0 ? medianOf(ratios) : undefined,
        rate: median(({ deliveries, seconds }) => deliveries / seconds),
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

function flowTable(summaries: readonly Summary[]): string {
  const rows = summaries
    .filter(({ scenario }) => scenario !== "connect" && scenario !== "slow")
    .map((each) => [
      each.title,
      each.peer,
      `${(each.user + each.system).toFixed(2)} (${each.user.toFixed(2)} + ${each.system.toFixed(2)})`,
      each.ratio?.toFixed(2) ?? "–",
      each.peer === "express-stomp" && each.goal !== undefined ? `≤ ${each.goal}` : "",
      `${Math.round(each.rate / 1000)}k`,
      `${each.p50.toFixed(1)} / ${each.p99.toFixed(1)}`,
      String(each.rounds),
    ]);
  const head = [
    "scenario",
    "peer",
    "CPU µs (user + system)",
    "ratio",
    "goal",
    "deliveries/s",
    "p50 / p99 ms",
    "rounds",
  ];
  return table(head, rows);
}

function connectTable(summaries: readonly Summary[]): string {
  const connections =
    SCENARIOS.flatMap((each) => (each.kind === "connect" ? [each.connections] : []))[0] ?? 1;
  const rows = summaries
    .filter(({ scenario }) => scenario === "connect")
    .map((each) => [
      each.title,
      each.peer,
      (each.user + each.system).toFixed(0),
      Math.round(each.rate).toString(),
      (each.resident / connections / 1024).toFixed(1),
    ]);
  return table(["connect, subscribe, stay", "peer", "CPU µs each", "each s", "RSS KiB each, idle"], rows);
}

function slowTable(summaries: readonly Summary[]): string {
  const rows = summaries
    .filter(({ scenario }) => scenario === "slow")
    .map((each) => [
      each.title,
      each.peer,
      (each.user + each.system).toFixed(2),
      `${Math.round(each.rate / 1000)}k`,
      (each.growth / 1e6).toFixed(1),
      String(each.cut),
    ]);
  return table(["slow consumers", "peer", "CPU µs", "others' deliveries/s", "RSS growth MB", "cut"], rows);
}
