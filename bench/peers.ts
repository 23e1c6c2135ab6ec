import {
  CENTRIFUGO,
  CENTRIFUGO_JSON,
  compressed,
  type Dialect,
  NATS,
  overSockJs,
  overTls,
  RABBITMQ,
  SOCKET_IO,
  SPRING,
  STOMP,
  STOMP_BROKER_JS,
} from "./dialect.js";

/** What not every peer has. */
export type Ability = "subscription ids" | "patterns" | "connections";

/** A channel that a peer has an interceptor on. */
export type InterceptedChannel = "clientInboundChannel" | "brokerChannel" | "clientOutboundChannel";

/** What express-stomp is measured beside, or itself. */
export interface Peer {
  /** Starts it on the loopback interface. */
  start(): Promise<Started>;
  readonly dialect: Dialect;
  /** It takes long to start, so one serves all runs. */
  readonly isLasting?: boolean;
  /** Milliseconds of load until it is as fast as it gets. Default: as long as all. */
  readonly warmUpMs?: number;
  /** What it cannot be asked for, and why. */
  readonly lacks?: Readonly<Partial<Record<Ability, string>>>;
  /** Says why it cannot run here, if so. */
  missing?(): Promise<string | undefined>;
}

export interface Started {
  /** Where it listens: a free port. */
  readonly port: number;
  /** The process group that does its work, if that is none of the process that started it. */
  readonly group?: number;
  /** Ends what does not end with the process that started it. */
  stop?(): Promise<void>;
}

const UNCOUNTED = new URL("../uncounted/bench/peers/express-stomp.js", import.meta.url).href;

const raw = () => import("./peers/raw.js");
const packages = () => import("./peers/packages.js");
const rabbitMq = () => import("./peers/rabbitmq.js");
const programs = () => import("./peers/programs.js");

/** The product with an async interceptor on some channels. */
function intercepted(channels: readonly InterceptedChannel[]): Peer {
  return {
    start: async () => (await import("./peers/express-stomp.js")).expressStompIntercepted(channels),
    dialect: STOMP,
  };
}

/** The product with subscribers on SockJS; publishers have a WebSocket. */
function overHttp(transport: Dialect["sockJs"]): Peer {
  return {
    start: async () => (await import("./peers/express-stomp.js")).expressStompWithSockJs(),
    dialect: overSockJs(transport),
  };
}

/** Centrifugo, whose channels are names. */
function centrifugo(dialect: Dialect): Peer {
  return {
    start: async () => (await programs()).centrifugo(),
    dialect,
    lacks: {
      "subscription ids": "cannot: a channel has no subscription ids",
      patterns: "cannot: a channel has a name, no pattern",
    },
    missing: async () => (await programs()).missingCentrifugo(),
  };
}

export const PEERS: Readonly<Record<string, Peer>> = {
  "ws-loop": {
    start: async () => (await raw()).wsLoop(),
    dialect: STOMP,
    // It ignores ids: what it saves by that is all the better to be compared with.
    lacks: { patterns: "has no patterns" },
  },
  "ws-preframed": {
    start: async () => (await raw()).wsPreframed(),
    dialect: STOMP,
    lacks: {
      "subscription ids": "cannot: one frame for all has one id",
      patterns: "has no patterns",
      connections: "connects as ws-loop does",
    },
  },
  "ws-by-hand": { start: async () => (await raw()).wsByHand(), dialect: STOMP },
  "ws-express": { start: async () => (await raw()).wsExpress(), dialect: STOMP },
  "express-stomp": {
    start: async () => (await import("./peers/express-stomp.js")).expressStomp(),
    dialect: STOMP,
  },
  "ws-loop-tls": { start: async () => (await raw()).wsLoop({ isSecure: true }), dialect: overTls(STOMP) },
  "express-stomp-tls": {
    start: async () => (await import("./peers/express-stomp.js")).expressStomp({ isSecure: true }),
    dialect: overTls(STOMP),
  },
  "ws-loop-deflate": {
    start: async () => (await raw()).wsLoop({ isCompressed: true }),
    dialect: compressed(STOMP),
  },
  "express-stomp-deflate": {
    start: async () => (await import("./peers/express-stomp.js")).expressStomp({ isCompressed: true }),
    dialect: compressed(STOMP),
  },
  "socket.io-deflate": {
    start: async () => (await packages()).socketIo({ isCompressed: true }),
    dialect: compressed(SOCKET_IO),
    missing: async () => (await packages()).missing(),
  },
  // Of no scenario: `npm run bench:history` compares it with the one above.
  "express-stomp-history": {
    start: async () => (await import("./peers/express-stomp.js")).expressStompWithHistory(),
    dialect: STOMP,
  },
  // Of no scenario: `npm run bench:counters` makes it and compares it.
  "express-stomp-uncounted": {
    start: async () => (await import(UNCOUNTED)).expressStomp(),
    dialect: STOMP,
  },
  "async-outbound": intercepted(["clientOutboundChannel"]),
  "async-everywhere": intercepted(["clientInboundChannel", "brokerChannel", "clientOutboundChannel"]),
  "xhr-streaming": overHttp("xhr_streaming"),
  eventsource: overHttp("eventsource"),
  "xhr-polling": overHttp("xhr"),
  "socket.io": {
    start: async () => (await packages()).socketIo(),
    dialect: SOCKET_IO,
    lacks: {
      "subscription ids": "cannot: a room has no subscription ids",
      patterns: "cannot: a room has a name, no pattern",
    },
    missing: async () => (await packages()).missing(),
  },
  "stomp-broker-js": {
    start: async () => (await packages()).stompBrokerJs(),
    dialect: STOMP_BROKER_JS,
    missing: async () => (await packages()).missing(),
  },
  nats: {
    start: async () => (await programs()).nats(),
    dialect: NATS,
    missing: async () => (await programs()).missingNats(),
  },
  centrifugo: centrifugo(CENTRIFUGO),
  "centrifugo-json": centrifugo(CENTRIFUGO_JSON),
  "centrifugo-deflate": centrifugo(compressed(CENTRIFUGO_JSON)),
  spring: {
    start: async () => (await programs()).spring(),
    dialect: SPRING,
    isLasting: true,
    // The JVM goes on compiling what runs for that long.
    warmUpMs: 30_000,
    missing: async () => (await programs()).missingSpring(),
  },
  rabbitmq: {
    start: async () => (await rabbitMq()).rabbitMq(),
    dialect: RABBITMQ,
    isLasting: true,
    missing: async () => (await rabbitMq()).missing(),
  },
};
