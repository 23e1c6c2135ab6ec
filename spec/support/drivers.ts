import { jetstream } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import type { Backplane } from "express-stomp";
import { type BackplanePrimary, backplanePrimary } from "express-stomp/cluster";
import { nats, natsJetStream } from "express-stomp/nats";
import { type RedisClient, redisPubSub, redisStreams } from "express-stomp/redis";
import { type FaultProxy, faultProxy } from "express-stomp/testing";
import { Redis } from "ioredis";
import { createClient } from "redis";
import type { BrokerProcess } from "../../example/shared/broker-process.js";
import { onNats, onRedis } from "./stores.js";

/** Entries that a log of these specs keeps at least, and at most. */
export const KEPT = { least: 100, most: 250 };

/** A driver over a store that a spec can harm. */
export interface Driver {
  /** Makes the backplane of one more server. */
  server(): Promise<Backplane>;
  /** Says something to all that none of our servers has said. */
  sayForeign(bytes: Uint8Array): Promise<void>;
  /** Harms the connections to the store; none when there are no connections. */
  readonly line?: FaultProxy | undefined;
  close(): Promise<void>;
}

export interface DriverTraits {
  readonly remembers: boolean;
  /** One order for all servers, not only of what one server says. */
  readonly isOrdered: boolean;
  /** What is published in one go is given to the store as one. */
  readonly gathers?: boolean;
  /** A line that stands still is noticed after seconds: one of each kind is enough. */
  readonly stalls?: boolean;
}

let roads = 0;

/** Describes something once for each driver; `start` opens one on a road of its own. */
export function onEachDriver(describeOn: (start: () => Promise<Driver>, traits: DriverTraits) => void): void {
  describe("within a process and its workers", () =>
    describeOn(startLocal, { remembers: true, isOrdered: true, gathers: true }));

  onRedis((redis) => {
    for (const [name, client] of Object.entries(redisClients)) {
      describe(`by a stream and ${name}`, () =>
        describeOn(() => startRedisDriver(redis(), client, streams), {
          remembers: true,
          isOrdered: true,
          gathers: true,
          stalls: name === "ioredis",
        }));
      describe(`by a channel and ${name}`, () =>
        describeOn(() => startRedisDriver(redis(), client, channel), {
          remembers: false,
          isOrdered: true,
          stalls: name === "node-redis",
        }));
    }
  });

  onNats((server) => {
    describe("by a subject", () =>
      describeOn(() => startNatsDriver(server(), subject), {
        remembers: false,
        isOrdered: false,
        stalls: true,
      }));
    describe("by a stream", () =>
      describeOn(() => startNatsDriver(server(), jetStream), { remembers: true, isOrdered: true }));
  });
}

/** The clients of Redis that the drivers take. */
export const redisClients: Record<string, (port: number) => RedisClient> = {
  "node-redis": (port) => createClient({ url: `redis://127.0.0.1:${port}` }),
  ioredis: (port) => new Redis({ host: "127.0.0.1", port, lazyConnect: true }),
};

async function startLocal(): Promise<Driver> {
  const primary: BackplanePrimary = backplanePrimary({ logLength: KEPT.least });
  return {
    server: async () => primary.backplane(),
    async sayForeign(bytes) {
      const stranger = primary.backplane();
      await stranger.subscribe({ take() {}, lost() {}, availability() {} });
      await stranger.publish(bytes);
      await stranger.close();
    },
    close: async () => primary.close(),
  };
}

interface RedisRoad {
  open(client: RedisClient, name: string): Backplane;
  sayForeign(redis: Redis, name: string, bytes: Buffer): Promise<unknown>;
}

const streams: RedisRoad = {
  open: (client, stream) => redisStreams({ client, stream, maxLength: KEPT.least }),
  sayForeign: async (redis, stream, bytes) => {
    const epoch = await redis.get(`{${stream}}:epoch`);
    await redis.call("XADD", stream, `${epoch}-*`, "b", bytes);
  },
};

const channel: RedisRoad = {
  open: (client, name) => redisPubSub({ client, channel: name }),
  sayForeign: (redis, name, bytes) => redis.publish(name, bytes),
};

async function startRedisDriver(
  server: BrokerProcess,
  clientOf: (port: number) => RedisClient,
  { open, sayForeign }: RedisRoad,
): Promise<Driver> {
  const name = `road ${++roads}`;
  const line = await faultProxy(server);
  const stranger = new Redis({ host: "127.0.0.1", port: server.port });
  return {
    line,
    server: async () => open(clientOf(line.port), name),
    sayForeign: async (bytes) => void (await sayForeign(stranger, name, Buffer.from(bytes))),
    async close() {
      stranger.disconnect();
      await line.close();
    },
  };
}

type NatsRoad = (connection: NatsConnection, name: string) => Promise<Backplane>;

const subject: NatsRoad = async (connection, name) => nats({ connection, subject: name });
const jetStream: NatsRoad = async (connection, name) => {
  const options = { connection, jetStream: jetstream(connection), stream: name, maxLength: KEPT.least };
  return natsJetStream({ ...options, storage: "memory" });
};

async function startNatsDriver(server: BrokerProcess, open: NatsRoad): Promise<Driver> {
  const name = `road-${++roads}`;
  const line = await faultProxy(server);
  const connections: NatsConnection[] = [];
  const connection = async (port: number) => {
    const made = await connect({
      servers: `127.0.0.1:${port}`,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 50,
      ignoreClusterUpdates: true,
    });
    connections.push(made);
    return made;
  };
  return {
    line,
    server: async () => open(await connection(line.port), name),
    async sayForeign(bytes) {
      const stranger = await connection(server.port);
      stranger.publish(name, bytes);
      await stranger.flush();
    },
    async close() {
      await Promise.all(connections.map((made) => made.close()));
      await line.close();
    },
  };
}
