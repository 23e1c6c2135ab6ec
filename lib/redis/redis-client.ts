/** A client of the package `redis`: what `createClient`, `createSentinel` or `createCluster` gives; version 5 or newer. */
export interface NodeRedisClient {
  duplicate(...overrides: never[]): unknown;
  sendCommand(...args: never[]): unknown;
  withTypeMapping(...args: never[]): unknown;
}

/** A client of the package `ioredis`: a `Redis`, with Sentinels or without, or a `Cluster`; version 5 or newer. */
export interface IoRedisClient {
  duplicate(...overrides: never[]): unknown;
  callBuffer(...args: never[]): unknown;
  disconnect(...args: never[]): unknown;
}

/**
 * A client of Redis or Valkey that the application has made. Connections are made from it by its `duplicate()`, with its
 * address, password and TLS; the client itself is neither used nor closed, and need not be connected.
 */
export type RedisClient = NodeRedisClient | IoRedisClient;
