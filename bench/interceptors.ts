// `npm run bench:interceptors`: what interceptors cost a message on its way through a channel to one handler.
// Variants take turns, and medians of their rounds are compared, since machines have moods.
import type { ChannelInterceptor } from "express-stomp";
import { type ChannelOptions, SubscribableChannel } from "#lib/channel/channel.js";
import { sessionOrder } from "#lib/channel/orders.js";
import { createMessage } from "#lib/message/message.js";
import { medianOf } from "./median.js";
import { table } from "./page.js";

const MESSAGES = 20_000;
const ROUNDS = 15;

const sync = (): ChannelInterceptor => ({ preSend: (message) => message });
const async = (): ChannelInterceptor => ({ preSend: async (message) => message });
const around = (): ChannelInterceptor => ({
  preSend: (message) => message,
  beforeHandle: (message) => message,
  afterMessageHandled() {},
  postSend() {},
  afterSendCompletion() {},
});
const order = sessionOrder({ limit: 512 * 1024 });
const times = (length: number, make: () => ChannelInterceptor) => Array.from({ length }, make);

const kinds: readonly (readonly [string, Omit<ChannelOptions, "logger">])[] = [
  ["none", {}],
  ["1, preSend", { interceptors: times(1, sync) }],
  ["5, preSend", { interceptors: times(5, sync) }],
  ["1, async preSend", { interceptors: times(1, async) }],
  ["5, async preSend", { interceptors: times(5, async) }],
  ["1, all five hooks", { interceptors: times(1, around) }],
  ["5, all five hooks", { interceptors: times(5, around) }],
  ["1, preSend, on an outbound channel", { interceptors: times(1, sync), order }],
  ["1, async preSend, on an outbound channel", { interceptors: times(1, async), order }],
  ["none, with `concurrency`", { concurrency: 16 }],
];
const variants = kinds.map(([name, options]) => ({ name, send: sender(options), rounds: [] as number[] }));

function sender(options: Omit<ChannelOptions, "logger">) {
  const channel = new SubscribableChannel("bench", { logger: console, ...options });
  channel.subscribe({ handle() {} });
  const message = createMessage(Buffer.from("x"), { sessionId: "s", destination: "/topic/a" });
  return async () => {
    for (let i = 0; i < MESSAGES; i++) {
      const sent = channel.send(message);
      if (sent !== true) await sent;
    }
  };
}

for (let round = 0; round <= ROUNDS; round++) {
  for (const { send, rounds } of variants) {
    const before = process.cpuUsage();
    await send();
    const { user, system } = process.cpuUsage(before);
    // The first one warms up.
    if (round > 0) rounds.push((user + system) / MESSAGES);
  }
}

const rows = variants.map(({ name, rounds }) => [name, medianOf(rounds).toFixed(2)]);
console.log(table(["interceptors", "µs of CPU for each message"], rows));
