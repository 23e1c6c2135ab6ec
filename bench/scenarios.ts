import { type Ability, PEERS } from "./peers.js";

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
  /** The peers that have this goal. Default: express-stomp. */
  readonly aiming?: readonly string[];
  /** Payloads are JSON as applications have it, where others are text that says nothing. */
  readonly json?: boolean;
  /** It is one of those that show how cost grows with sessions: as many as there are subscribers. */
  readonly growth?: boolean;
  /** The peer that others are compared with. Default: `ws-loop`. */
  readonly reference?: string;
  readonly peers?: readonly string[];
}

/** Connections, one subscription each, then nothing. */
export interface Connect {
  readonly kind: "connect";
  readonly name: string;
  readonly title: string;
  readonly connections: number;
  /** As many came and went before: what the server runs is compiled. */
  readonly isWarm?: boolean;
  readonly goal?: number;
  /** KiB of memory for each that is idle. */
  readonly memoryGoal?: number;
  readonly peers?: readonly string[];
}

export type Scenario = Flow | Connect;

const EVERYBODY = [
  "ws-loop",
  "ws-preframed",
  "express-stomp",
  "socket.io",
  "stomp-broker-js",
  "nats",
  "centrifugo",
  "spring",
  "rabbitmq",
];
const CONNECTING = ["ws-loop", "ws-express", ...EVERYBODY.slice(1)];

const FAN_OUT = {
  kind: "flow",
  publishers: 1,
  topics: 1,
  subscribers: 1000,
  ids: "equal",
  size: 100,
} as const;

const PUBLICATIONS: Readonly<Record<number, number>> = { 1: 120, 4: 240, 16: 640 };
const GOALS: Readonly<Record<string, number>> = {
  "fan-out-1": 0.85,
  "fan-out-4": 0.3,
  "fan-out-4-ids": 0.4,
  "fan-out-16": 0.1,
};

const fanOuts: readonly Flow[] = [100, 1024].flatMap((size) =>
  [1, 4, 16].flatMap((inFlight) =>
    (["equal", "different"] as const).map((ids): Flow => {
      const name = `fan-out-${inFlight}${size === 1024 ? "-1k" : ""}${ids === "different" ? "-ids" : ""}`;
      const title = `1 → 1,000, ${inFlight} in flight${size === 1024 ? ", 1 KiB" : ""}${ids === "different" ? ", ids differ" : ""}`;
      const publications = PUBLICATIONS[inFlight] as number;
      const goal = GOALS[name];
      return { ...FAN_OUT, name, title, size, inFlight, ids, publications, ...(goal && { goal }) };
    }),
  ),
);

/** Async interceptors, beside the same without; and a controller between, whose answer goes to many. */
const stations: readonly Flow[] = [
  ...[1, 4].map((inFlight): Flow => {
    return {
      ...FAN_OUT,
      name: `interceptors-${inFlight}`,
      title: `1 → 1,000, async interceptors, ${inFlight} in flight`,
      inFlight,
      publications: 240,
      reference: "express-stomp",
      peers: ["express-stomp", "async-outbound", "async-everywhere"],
    };
  }),
  {
    ...FAN_OUT,
    name: "controller-1000",
    title: "1 → controller, JSON → 1,000, 4 in flight",
    controller: true,
    reference: "ws-by-hand",
    peers: ["ws-by-hand", "express-stomp", "async-everywhere"],
    inFlight: 4,
    publications: 240,
  },
];

/** Over HTTP, beside the same subscribers on WebSockets. */
const overSockJs: readonly Flow[] = [1, 4].map((inFlight) => {
  return {
    ...FAN_OUT,
    name: `sockjs-${inFlight}`,
    title: `1 → 500, SockJS, ${inFlight} in flight`,
    subscribers: 500,
    inFlight,
    publications: 400,
    goal: 1.5,
    reference: "express-stomp",
    // Of polling each delivery is a request.
    aiming: ["xhr-streaming", "eventsource"],
    peers: ["express-stomp", "xhr-streaming", "eventsource", "xhr-polling"],
  };
});

/** Beside the same without compression. */
const compressed: readonly Flow[] = [1, 4].map((inFlight) => {
  return {
    ...FAN_OUT,
    name: `compressed-${inFlight}`,
    title: `1 → 200, ${inFlight} in flight, 1 KiB of JSON`,
    subscribers: 200,
    size: 1024,
    json: true,
    inFlight,
    publications: 1_000,
    goal: 1.5,
    reference: "express-stomp",
    aiming: ["express-stomp-deflate"],
    peers: [
      "express-stomp",
      "express-stomp-deflate",
      "ws-loop",
      "ws-loop-deflate",
      "socket.io",
      "socket.io-deflate",
      "centrifugo-json",
      "centrifugo-deflate",
    ],
  };
});

const overTls: readonly Flow[] = [1, 4, 16].map((inFlight) => {
  return {
    ...FAN_OUT,
    name: `tls-${inFlight}`,
    title: `1 → 300, TLS, ${inFlight} in flight`,
    subscribers: 300,
    inFlight,
    publications: 2 * (PUBLICATIONS[inFlight] as number),
    reference: "ws-loop-tls",
    peers: ["ws-loop-tls", "express-stomp-tls"],
  };
});

const manySessions: readonly Flow[] = [100, 1_000, 10_000].map((subscribers) => {
  return {
    ...FAN_OUT,
    name: `sessions-${subscribers}`,
    title: `10 → ${subscribers.toLocaleString("en")}, each topic has 10, 40 in flight`,
    publishers: 10,
    subscribers,
    topics: subscribers / 10,
    inFlight: 40,
    publications: 15_000,
    growth: true,
    peers: ["ws-loop", "express-stomp"],
  };
});

export const SCENARIOS: readonly Scenario[] = [
  ...fanOuts,
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
    publications: 60_000,
  },
  {
    ...FAN_OUT,
    name: "controller",
    title: "1 → controller, JSON → 1, 64 in flight",
    controller: true,
    reference: "ws-by-hand",
    peers: ["ws-by-hand", "express-stomp"],
    subscribers: 1,
    inFlight: 64,
    publications: 60_000,
    goal: 1.6,
  },
  {
    ...FAN_OUT,
    name: "exact-100",
    title: "1 → 100 of 1,000, exact",
    peers: ["ws-loop", "express-stomp", "stomp-broker-js", "nats", "spring", "rabbitmq"],
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
    goal: 1.2,
  },
  ...overSockJs,
  ...compressed,
  ...overTls,
  ...stations,
  ...manySessions,
  {
    ...FAN_OUT,
    name: "slow",
    title: "1 → 1,000, 16 KiB, 10 do not read",
    size: 16_384,
    stopped: 10,
    inFlight: 4,
    publications: 600,
  },
  {
    kind: "connect",
    name: "connect",
    title: "5,000 connections",
    connections: 5000,
    goal: 1.4,
    memoryGoal: 13,
    peers: CONNECTING,
  },
  {
    kind: "connect",
    name: "connect-again",
    title: "5,000 connections, after as many that left",
    connections: 5000,
    isWarm: true,
    peers: ["ws-loop", "ws-express", "express-stomp"],
  },
];

/** Of `--short` alone. */
export const CONNECT_SHORT: Connect = {
  kind: "connect",
  name: "connect-short",
  title: "1,500 connections",
  connections: 1500,
};

export function scenarioOf(name: string): Scenario {
  const scenario = [...SCENARIOS, CONNECT_SHORT].find((each) => each.name === name);
  if (scenario === undefined) {
    throw new Error(`no scenario ${name}: there are ${SCENARIOS.map((each) => each.name).join(", ")}`);
  }
  return scenario;
}

/** What a peer is compared with: the bare server; with patterns, which that has not, itself without. */
export function referenceOf(scenario: Scenario, peer: string): { scenario: string; peer: string } {
  if (scenario.kind === "flow" && scenario.patterns) return { scenario: "exact-100", peer };
  const { reference = "ws-loop" } = scenario.kind === "flow" ? scenario : {};
  return { scenario: scenario.name, peer: reference };
}

/** Those that have a row, the one that others are compared with before them. */
export function peersOf({ peers = EVERYBODY }: Scenario): readonly string[] {
  return peers;
}

/** How many rounds are enough for a peer: one where it takes long and lies far off, or where nothing hangs on it. */
export function roundsOf(scenario: Scenario, peer: string): number {
  if (scenario.kind === "connect" && scenario.isWarm) return 1;

  const isSlow = scenario.kind === "flow" && scenario.stopped !== undefined;
  const isLong = PEERS[peer]?.isLasting || (isSlow && peer !== "express-stomp" && peer !== "ws-loop");
  return isLong ? 1 : Number.POSITIVE_INFINITY;
}

/** Why a peer cannot be measured, if so. */
export function whyNot(scenario: Scenario, peer: string): string | undefined {
  const asked = askedBy(scenario);
  return asked && PEERS[peer]?.lacks?.[asked];
}

function askedBy(scenario: Scenario): Ability | undefined {
  if (scenario.kind === "connect") return "connections";
  if (scenario.patterns) return "patterns";
  return scenario.ids === "different" ? "subscription ids" : undefined;
}
