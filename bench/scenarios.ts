/** A closed loop: so many publications are under way, and the next follows when all have one. */
export interface Flow {
  readonly kind: "flow";
  readonly name: string;
  /** What stands in a table. */
  readonly title: string;
  readonly publishers: number;
  readonly topics: number;
  readonly subscribers: number;
  /** Whether every connection chose a subscription id of its own. */
  readonly ids: "equal" | "different";
  /** Publications under way, of all publishers together. */
  readonly inFlight: number;
  /** Bytes of a payload. */
  readonly size: number;
  /** Publications that are measured. */
  readonly publications: number;
  /** Subscribe to patterns, of which a tenth match. Only peers with patterns. */
  readonly patterns?: boolean;
  /** A controller takes each publication as JSON, and its answer is what is published. */
  readonly controller?: boolean;
  /** So many subscribers stop reading before it begins. */
  readonly stopped?: number;
  /** The goal: server CPU per delivery, as ratio to the bare server. */
  readonly goal?: number;
}

/** Connections, one subscription each, then nothing. */
export interface Connect {
  readonly kind: "connect";
  readonly name: string;
  readonly title: string;
  readonly connections: number;
}

export type Scenario = Flow | Connect;

const FAN_OUT = {
  kind: "flow",
  publishers: 1,
  topics: 1,
  subscribers: 1000,
  ids: "equal",
  size: 100,
} as const;

export const SCENARIOS: readonly Scenario[] = [
  {
    ...FAN_OUT,
    name: "fan-out-1",
    title: "1 → 1,000, 1 in flight",
    inFlight: 1,
    publications: 120,
    goal: 0.85,
  },
  {
    ...FAN_OUT,
    name: "fan-out-4",
    title: "1 → 1,000, 4 in flight",
    inFlight: 4,
    publications: 240,
    goal: 0.3,
  },
  {
    ...FAN_OUT,
    name: "fan-out-4-ids",
    title: "the same, all ids different",
    ids: "different",
    inFlight: 4,
    publications: 240,
    goal: 0.4,
  },
  {
    ...FAN_OUT,
    name: "fan-out-16",
    title: "1 → 1,000, 16 in flight",
    inFlight: 16,
    publications: 640,
    goal: 0.1,
  },
  {
    ...FAN_OUT,
    name: "fan-out-4-1k",
    title: "1 → 1,000, 4 in flight, 1 KiB",
    size: 1024,
    inFlight: 4,
    publications: 240,
  },
  {
    ...FAN_OUT,
    name: "topics",
    title: "10 → 1,000 over 100 topics, 100 in flight",
    publishers: 10,
    topics: 100,
    inFlight: 100,
    publications: 15_000,
    goal: 0.95,
  },
  {
    ...FAN_OUT,
    name: "p2p",
    title: "1 → 1, 64 in flight",
    subscribers: 1,
    inFlight: 64,
    publications: 80_000,
    goal: 1.1,
  },
  {
    ...FAN_OUT,
    name: "ping-pong",
    title: "1 → 1, 1 in flight",
    subscribers: 1,
    inFlight: 1,
    publications: 15_000,
  },
  {
    ...FAN_OUT,
    name: "controller",
    title: "1 → controller, JSON → 1, 64 in flight",
    controller: true,
    subscribers: 1,
    inFlight: 64,
    publications: 60_000,
    goal: 1.6,
  },
  {
    ...FAN_OUT,
    name: "exact-100",
    title: "1 → 100 of 1,000, exact",
    topics: 10,
    inFlight: 4,
    publications: 1500,
  },
  {
    ...FAN_OUT,
    name: "patterns",
    title: "1 → 100 of 1,000 patterns",
    patterns: true,
    inFlight: 4,
    publications: 1500,
  },
  {
    ...FAN_OUT,
    name: "slow",
    title: "1 → 1,000, 16 KiB, 10 do not read",
    size: 16_384,
    stopped: 10,
    inFlight: 4,
    publications: 600,
  },
  { kind: "connect", name: "connect", title: "5,000 connections", connections: 5000 },
];

/** What the others are compared with. */
export function referenceOf(scenario: Scenario): string {
  return scenario.kind === "flow" && scenario.controller ? "ws-by-hand" : "ws-loop";
}

/** Those that have what a scenario asks for. */
export function peersOf(scenario: Scenario): readonly string[] {
  if (scenario.kind === "flow" && scenario.patterns) return ["express-stomp"];
  if (scenario.kind === "flow" && scenario.controller) return ["ws-by-hand", "express-stomp"];
  return ["ws-loop", "ws-preframed", "express-stomp"];
}
