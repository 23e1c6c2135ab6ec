import type { IoRedisClient } from "./redis-client.js";
import type { RedisConnection, RedisWord } from "./redis-connection.js";

/** The part of a `Redis` and a `Cluster` of the package `ioredis` that is needed. */
interface Connection {
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "close", listener: () => void): unknown;
  on(event: "messageBuffer", listener: (channel: Buffer, message: Buffer) => void): unknown;
  connect(): Promise<void>;
  disconnect(): void;
  callBuffer(...command: RedisWord[]): Promise<unknown>;
  subscribe(channel: string): Promise<unknown>;
  ping(): Promise<unknown>;
}

/** Nothing is sent a second time or later, when nobody waits for it any more; a connection that is lost stays so. */
const ONCE = {
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  maxRetriesPerRequest: null,
  reconnectOnError: null,
  // Reading waits for entries, and watches the time itself.
  commandTimeout: undefined,
  blockingTimeout: undefined,
  socketTimeout: undefined,
  protocol: 2,
  replyMapping: "legacy",
};

const STAYS_LOST = { lazyConnect: true, enableOfflineQueue: false };
const never = () => null;

/** Makes a connection from a client of the package `ioredis`. */
export function ioRedisConnection(client: IoRedisClient): RedisConnection {
  const duplicate = client.duplicate as (...overrides: unknown[]) => unknown;
  const connection = (
    (client as { isCluster?: boolean }).isCluster
      ? duplicate.call(client, [], { ...STAYS_LOST, clusterRetryStrategy: never, redisOptions: ONCE })
      : duplicate.call(client, {
          ...STAYS_LOST,
          ...ONCE,
          retryStrategy: never,
          sentinelRetryStrategy: never,
        })
  ) as Connection;
  let failure = new Error("The connection was closed");
  // It writes what nobody listens for to the console.
  connection.on("error", (error) => {
    failure = error;
  });

  return {
    async open() {
      await connection.connect().catch(() => {
        // It says only that it is closed.
        throw failure;
      });
    },
    send: (_key, command) => connection.callBuffer(...command),
    async subscribe(channel, take) {
      connection.on("messageBuffer", (_channel, message) => take(message));
      await connection.subscribe(channel);
    },
    ping: () => connection.ping(),
    destroy: () => connection.disconnect(),
    onLost(lost) {
      connection.on("close", () => lost(failure));
    },
  };
}
