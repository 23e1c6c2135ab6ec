export type { ConsumedMessage, ConsumedMessages, JetStreamClient, StreamState } from "./jet-stream.js";
export { type NatsOptions, nats } from "./nats.js";
export type { NatsConnection } from "./nats-connection.js";
export { type NatsJetStreamOptions, natsJetStream } from "./nats-jet-stream.js";
