// `npm run bench -- --short`: the rows that every change must keep, in five minutes at most. A row's peer and what it
// is compared with stand side by side and take turns of less than a second, so that a busy machine hurts both.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { medianOf } from "./median.js";
import { table } from "./page.js";
import { runOnce, type Stage, stageOf } from "./run-once.js";
import { CONNECT_SHORT, type Flow, referenceOf, scenarioOf } from "./scenarios.js";

/** What was recorded last: kept in git, so that each change is held against it. */
const RECORDED = "bench/short.json";
/** A row may lose so much, and as much as its rounds differ. */
const MAY_LOSE = 0.03;
const PEER = "express-stomp";
const CONNECT = "connect";
const FLOWS = ["fan-out-1", "fan-out-4", "fan-out-16", "topics", "p2p", "ping-pong", "controller"];
const ROWS = [...FLOWS, CONNECT];
/** Processes differ by what V8 makes of them: so each row has some pairs of them, and each pair some turns. */
const PROCESSES = 2;
const TURNS = 4;
const CONNECT_ROUNDS = 3;
/** After so many milliseconds nothing more is begun of a row that has a figure. */
const LIMIT_MS = 250_000;

interface Figure {
  /** The median of the ratios. */
  readonly ratio: number;
  /** So far the median of as many rounds may be off. */
  readonly noise: number;
  readonly rounds: number;
}

interface Recorded {
  readonly on: string;
  readonly node: string;
  readonly rows: Readonly<Record<string, Figure>>;
}

/**
 * Measures the rows, and prints them beside what was recorded. The command fails when a row got worse.
 *
 * @param names the rows; all, if there are none
 * @param records keeps what was measured, to be compared with from now on
 */
export async function measureShort(names: readonly string[], records: boolean): Promise<void> {
  const unknown = names.find((name) => !ROWS.includes(name));
  if (unknown !== undefined) throw new Error(`no row ${unknown}: there are ${ROWS.join(", ")}`);

  const isWanted = (name: string) => names.length === 0 || names.includes(name);
  const ratios = new Map<string, number[]>();
  const started = performance.now();
  const isLate = () => performance.now() - started > LIMIT_MS;
  for (let round = 0; round < Math.max(PROCESSES, CONNECT_ROUNDS); round++) {
    if (isWanted(CONNECT) && round < CONNECT_ROUNDS && !isLate()) {
      for (const [title, ratio] of Object.entries(await connectRatios())) keep(ratios, title, [ratio]);
    }
    for (const name of FLOWS.filter(isWanted)) {
      const { title } = scenarioOf(name);
      if (round >= PROCESSES || (isLate() && ratios.has(title))) continue;
      keep(ratios, title, await flowRatios(name));
    }
  }
  print(ratios);
  if (records) record(ratios);
  console.log(`\ntook ${((performance.now() - started) / 60_000).toFixed(1)} minutes`);
}

async function flowRatios(name: string): Promise<number[]> {
  const scenario = scenarioOf(name) as Flow;
  const stages: Stage[] = [];
  const ratios: number[] = [];
  try {
    for (const peer of [referenceOf(scenario, PEER).peer, PEER]) stages.push(await stageOf(peer, scenario));
    const [reference, ours] = stages as [Stage, Stage];
    for (let turn = 0; turn < TURNS; turn++) {
      const first = await (turn % 2 === 0 ? reference : ours).portion();
      const second = await (turn % 2 === 0 ? ours : reference).portion();
      ratios.push(turn % 2 === 0 ? second / first : first / second);
    }
  } finally {
    await Promise.all(stages.map((stage) => stage.end()));
  }
  return ratios;
}

async function connectRatios(): Promise<Record<string, number>> {
  const [reference, ours] = [
    await runOnce({ peer: "ws-loop", scenario: CONNECT_SHORT, round: "" }),
    await runOnce({ peer: PEER, scenario: CONNECT_SHORT, round: "" }),
  ];
  return {
    "CPU of a connection": (ours.user + ours.system) / (reference.user + reference.system),
    "memory of an idle connection": (ours.collected ?? Number.NaN) / (reference.collected ?? Number.NaN),
  };
}

function keep(ratios: Map<string, number[]>, title: string, more: readonly number[]): void {
  const all = [...(ratios.get(title) ?? []), ...more];
  ratios.set(title, all);
  console.log(`${title}: ${all.map((ratio) => ratio.toFixed(2)).join(" ")}`);
}

function figureOf(ratios: readonly number[]): Figure {
  const mean = ratios.reduce((sum, each) => sum + each, 0) / ratios.length;
  const squares = ratios.reduce((sum, each) => sum + (each - mean) ** 2, 0);
  const deviation = ratios.length > 1 ? Math.sqrt(squares / (ratios.length - 1)) : mean;
  // Two standard errors.
  return {
    ratio: medianOf(ratios),
    noise: (2 * deviation) / Math.sqrt(ratios.length),
    rounds: ratios.length,
  };
}

function print(ratios: ReadonlyMap<string, readonly number[]>): void {
  const recorded = readRecorded();
  const lines = [...ratios].map(([title, all]) => {
    const now = figureOf(all);
    const before = recorded?.rows[title];
    const isWorse = before !== undefined && worse(now, before);
    if (isWorse) process.exitCode = 1;
    return [title, told(now), before ? told(before) : "–", isWorse ? "WORSE" : "", String(now.rounds)];
  });
  const head = ["row", "ratio (± noise)", recorded ? `recorded ${recorded.on}` : "recorded", "", "rounds"];
  console.log(`\n${table(head, lines)}`);
}

function worse(now: Figure, before: Figure): boolean {
  const lost = now.ratio - before.ratio;
  return lost > MAY_LOSE * before.ratio && lost > Math.hypot(now.noise, before.noise);
}

function told({ ratio, noise }: Figure): string {
  return `${ratio.toFixed(2)} ± ${noise.toFixed(2)}`;
}

function readRecorded(): Recorded | undefined {
  return existsSync(RECORDED) ? (JSON.parse(readFileSync(RECORDED, "utf8")) as Recorded) : undefined;
}

/** Rows that were not measured stay as they are. */
function record(ratios: ReadonlyMap<string, readonly number[]>): void {
  const rows: Record<string, Figure> = { ...readRecorded()?.rows };
  for (const [title, all] of ratios) {
    const { ratio, noise, rounds } = figureOf(all);
    rows[title] = { ratio: rounded(ratio), noise: rounded(noise), rounds };
  }
  const recorded: Recorded = { on: new Date().toISOString().slice(0, 10), node: process.version, rows };
  writeFileSync(RECORDED, `${JSON.stringify(recorded, undefined, 2)}\n`);
}

function rounded(figure: number): number {
  return Math.round(figure * 1000) / 1000;
}
