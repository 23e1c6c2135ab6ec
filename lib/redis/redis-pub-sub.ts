import { setTimeout as wait } from "node:timers/promises";
import { Inlet } from "../driver/inlet.js";
import { answered } from "../driver/patience.js";
import type { Backplane, BackplaneListener } from "../index.js";
import { ConfigurationError } from "../index.js";
import { connector } from "./connector.js";
import type { RedisClient } from "./redis-client.js";
import { asBuffer } from "./redis-connection.js";
import { type Pair, RedisLine } from "./redis-line.js";

/** Options of `redisPubSub`. */
export interface RedisPubSubOptions {
  /** How Redis is reached: two connections are made from it. */
  readonly client: RedisClient;
  /** The channel, which is for these servers alone. Default: `express-stomp`. */
  readonly channel?: string;
}

/** A connection that listens is asked for a sign of life that often, in ms. */
const PING = 2_000;

/**
 * Makes a backplane of a channel of Redis or Valkey, for those that nothing may be stored in. It remembers nothing: when
 * the connection is lost, so is all that is published until it is back, and that is told.
 *
 * @throws ConfigurationError when an option is not what it has to be
 * @example
 * ```ts
 * const backplane = redisPubSub({ client: new Redis("redis://localhost"), channel: "chat" });
 * ```
 */
export function redisPubSub({ client, channel = "express-stomp" }: RedisPubSubOptions): Backplane {
  if (typeof channel !== "string" || channel === "")
    throw new ConfigurationError(`channel is the name of a channel, not ${JSON.stringify(channel)}`);
  let inlet: Inlet | undefined;

  const line = new RedisLine({
    connect: connector(client),
    async prepare({ reader, signal }: Pair, listener: BackplaneListener) {
      let isBack = inlet !== undefined;
      inlet ??= new Inlet(listener);
      const into = inlet;
      // The first message may come with the answer: what was lost was lost before.
      const tellLost = () => {
        if (isBack) into.lost();
        isBack = false;
      };
      await reader.subscribe(channel, (bytes) => {
        // A connection that was given up may have one message more.
        if (signal.aborted) return;
        tellLost();
        into.take(bytes);
      });
      tellLost();
    },
    async read({ reader, signal }) {
      for (;;) {
        await answered(reader.ping());
        await wait(PING, undefined, { ref: false, signal });
      }
    },
  });

  return {
    name: channel,
    get isAvailable() {
      return line.isAvailable;
    },
    async publish(bytes) {
      await line.write((writer) => writer.send(channel, ["PUBLISH", channel, asBuffer(bytes)]));
    },
    subscribe: (listener) => line.open(listener),
    async close() {
      await line.close();
      inlet?.close();
    },
  };
}
