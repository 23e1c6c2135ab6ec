export type { IoRedisClient, NodeRedisClient, RedisClient } from "./redis-client.js";
export { type RedisPubSubOptions, redisPubSub } from "./redis-pub-sub.js";
export { type RedisStreamsOptions, redisStreams } from "./redis-streams.js";
