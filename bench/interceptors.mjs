// What interceptors cost a message on its way through a channel to one handler: `node bench/interceptors.mjs`, after
// a build. Variants take turns, and medians of their rounds are compared, since machines have moods.
import { SubscribableChannel } from "#lib/channel/channel.js";
import { createMessage } from "#lib/message/message.js";

const MESSAGES = 20_000;
const ROUNDS = 15;

const sync = () => ({ preSend: (message) => message });
const async = () => ({ preSend: async (message) => message });
const around = () => ({
  preSend: (message) => message,
  beforeHandle: (message) => message,
  afterMessageHandled() {},
  postSend() {},
  afterSendCompletion() {},
});
const orderOf = (message) => message.headers.sessionId;
const times = (count, make) => Array.from({ length: count }, make);

const variants = [
  ["none", {}],
  ["1, preSend", { interceptors: times(1, sync) }],
  ["5, preSend", { interceptors: times(5, sync) }],
  ["1, async preSend", { interceptors: times(1, async) }],
  ["5, async preSend", { interceptors: times(5, async) }],
  ["1, all five hooks", { interceptors: times(1, around) }],
  ["5, all five hooks", { interceptors: times(5, around) }],
  ["1, preSend, on an outbound channel", { interceptors: times(1, sync), orderOf }],
  ["none, with `concurrency`", { concurrency: 16 }],
].map(([name, options]) => ({ name, send: sender(options), rounds: [] }));

function sender(options) {
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

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
console.log("| interceptors | µs of CPU for each message |\n|---|---|");
for (const { name, rounds } of variants) console.log(`| ${name} | ${median(rounds).toFixed(2)} |`);
