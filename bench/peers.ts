import { type Dialect, RABBITMQ, SOCKET_IO, STOMP, STOMP_BROKER_JS } from "./dialect.js";

/** What express-stomp is measured beside, or itself. */
export interface Peer {
  /** Starts it on a free port of the loopback interface, and gives that. */
  start(): Promise<number>;
  readonly dialect: Dialect;
  readonly has: readonly ("topics" | "subscription ids" | "patterns" | "controllers")[];
  /** Says why it cannot run here, if so. */
  missing?(): Promise<string | undefined>;
}

const raw = () => import("./peers/raw.js");
const packages = () => import("./peers/packages.js");
const rabbitMq = () => import("./peers/rabbitmq.js");

export const PEERS: Readonly<Record<string, Peer>> = {
  "ws-loop": { start: async () => (await raw()).wsLoop(), dialect: STOMP, has: ["topics"] },
  "ws-preframed": { start: async () => (await raw()).wsPreframed(), dialect: STOMP, has: ["topics"] },
  "ws-by-hand": { start: async () => (await raw()).wsByHand(), dialect: STOMP, has: ["controllers"] },
  "express-stomp": {
    start: async () => (await import("./peers/express-stomp.js")).expressStomp(),
    dialect: STOMP,
    has: ["topics", "subscription ids", "patterns", "controllers"],
  },
  "socket.io": {
    start: async () => (await packages()).socketIo(),
    dialect: SOCKET_IO,
    has: ["topics"],
    missing: async () => (await packages()).missing(),
  },
  "stomp-broker-js": {
    start: async () => (await packages()).stompBrokerJs(),
    dialect: STOMP_BROKER_JS,
    has: ["topics", "subscription ids", "patterns"],
    missing: async () => (await packages()).missing(),
  },
  rabbitmq: {
    start: async () => (await rabbitMq()).rabbitMq(),
    dialect: RABBITMQ,
    has: ["topics", "subscription ids", "patterns"],
    missing: async () => (await rabbitMq()).missing(),
  },
};
