import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { medianOf } from "./median.js";
import type { Measurement } from "./run-once.js";
import { peersOf, referenceOf, SCENARIOS, type Scenario, whyNot } from "./scenarios.js";

/** Where figures are kept: git does not see it, and nothing but a fresh run of everything removes it. */
export const RESULTS = "bench/results.jsonl";

/** A run that lost something, stalled, or ended early. */
export interface Failure {
  readonly peer: string;
  readonly scenario: string;
  readonly round: string;
  readonly failed: string;
}

export type Result = Measurement | Failure;

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
  /** `undefined` where no garbage collection can be asked for. */
  readonly collected: number | undefined;
  readonly cut: number;
}

/** A peer without figures of a scenario, and why. */
export interface Gap {
  readonly scenario: Scenario;
  readonly peer: string;
  readonly why: string;
}

export function readResults(): Result[] {
  if (!existsSync(RESULTS)) return [];

  const lines = readFileSync(RESULTS, "utf8").split("\n").filter(Boolean);
  return lines.map((line) => JSON.parse(line) as Result);
}

export function keepResult(result: Result): void {
  appendFileSync(RESULTS, `${JSON.stringify(result)}\n`);
}

export function isMeasurement(result: Result): result is Measurement {
  return !("failed" in result);
}

/** One for each scenario and peer, in their order; those of scenarios that nobody measured are left out. */
export function summarize(results: readonly Result[]): (Summary | Gap)[] {
  const all = results.filter(isMeasurement);
  return SCENARIOS.flatMap((scenario) => {
    if (!results.some((each) => each.scenario === scenario.name)) return [];

    return peersOf(scenario).map((peer): Summary | Gap => {
      const rounds = all.filter((each) => each.scenario === scenario.name && each.peer === peer);
      if (rounds.length > 0) return summaryOf({ scenario, peer, rounds, all });

      const failure = results.find((each) => each.scenario === scenario.name && each.peer === peer);
      const failed = failure && `failed: ${(failure as Failure).failed}`;
      return { scenario, peer, why: whyNot(scenario, peer) ?? failed ?? "not measured" };
    });
  });
}

interface Rounds {
  readonly scenario: Scenario;
  readonly peer: string;
  readonly rounds: readonly Measurement[];
  /** Of all scenarios and peers. */
  readonly all: readonly Measurement[];
}

function summaryOf({ scenario, peer, rounds, all }: Rounds): Summary {
  const median = (value: (each: Measurement) => number) => medianOf(rounds.map(value));
  const reference = referenceOf(scenario, peer);
  const ratios = rounds.flatMap((each) => {
    const other = all.find(
      ({ round, ...its }) =>
        round === each.round && its.scenario === reference.scenario && its.peer === reference.peer,
    );
    return other ? [cpu(each) / cpu(other)] : [];
  });
  const collected = rounds.flatMap((each) => each.collected ?? []);
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
    collected: collected.length > 0 ? medianOf(collected) : undefined,
    cut: Math.min(...rounds.map(({ cut }) => cut)),
  };
}

function cpu({ user, system }: Measurement): number {
  return user + system;
}
