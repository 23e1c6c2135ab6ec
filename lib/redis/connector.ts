import { ConfigurationError } from "../index.js";
import { ioRedisConnection } from "./io-redis.js";
import { nodeRedisConnection } from "./node-redis.js";
import type { IoRedisClient, NodeRedisClient, RedisClient } from "./redis-client.js";
import type { RedisConnection } from "./redis-connection.js";

/**
 * Gives what opens connections as the client would.
 *
 * @throws ConfigurationError when it is no client that is known
 */
export function connector(client: RedisClient): () => RedisConnection {
  const known: Partial<Record<keyof NodeRedisClient | keyof IoRedisClient, unknown>> = client ?? {};
  if (typeof known.duplicate === "function") {
    if (typeof known.callBuffer === "function") return () => ioRedisConnection(client as IoRedisClient);
    if (typeof known.withTypeMapping === "function")
      return () => nodeRedisConnection(client as NodeRedisClient);
  }
  throw new ConfigurationError(
    "client is a client of the package redis (createClient, createSentinel or createCluster, version 5 or newer) or of ioredis (Redis or Cluster)",
  );
}
