// `npm run bench:growth`: what a publication, a delivery and a subscription cost the broker as more and more are there.
import { writeFileSync } from "node:fs";
import { type Message, NativeHeaders, SubscribableChannel, simpleBroker } from "express-stomp";
import { EventPublisher } from "#lib/events.js";
import { medianOf } from "./median.js";
import { plotGrowth } from "./plot-growth.js";

const NUMBERS = [100, 1_000, 10_000, 100_000];
const PER_SESSION = 100;
const CALLS = 20_000;
const ROUNDS = 5;
const NO_PAYLOAD = new Uint8Array(0);

function microsecondsEach(calls: number, run: () => void): number {
  run();
  const rounds = Array.from({ length: ROUNDS }, () => {
    const before = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / calls;
  });
  return medianOf(rounds);
}

/** A broker with so many subscriptions, each to a destination of its choice, behind a channel that nobody intercepts. */
function brokerWith(count: number, destinationOf: (i: number) => string, perSession = PER_SESSION) {
  const clientOutboundChannel = new SubscribableChannel("clientOutboundChannel", { logger: console });
  clientOutboundChannel.subscribe({ handle() {} });
  const events = new EventPublisher(console);
  const clients = {
    end() {},
    room: () => undefined,
    roomForLive: () => undefined,
    feed: (deliver: () => void) => void deliver(),
  };
  const broker = simpleBroker()({ clientOutboundChannel, sessions: clients, events, logger: console });
  const send = (headers: Partial<Message["headers"]>) => {
    const all = { messageType: "MESSAGE", native: NativeHeaders.EMPTY, ...headers } as const;
    void broker.handle({ payload: NO_PAYLOAD, headers: all });
  };
  for (let i = 0; i < count; i++) {
    const sessionId = `session-${Math.floor(i / perSession)}`;
    if (i % perSession === 0) send({ messageType: "CONNECT", sessionId });
    send({ messageType: "SUBSCRIBE", sessionId, subscriptionId: `s${i}`, destination: destinationOf(i) });
  }
  return send;
}

const room = (i: number) => `/topic/room${i}/news`;
const lines = new Map<string, [number, number][]>();
function note(name: string, number: number, microseconds: number): void {
  console.log(`${name}, ${number}: ${microseconds.toFixed(3)} µs`);
  lines.set(name, [...(lines.get(name) ?? []), [number, microseconds]]);
}

for (const number of NUMBERS) {
  const topics = brokerWith(number, room);
  const publish = () => {
    for (let i = 0; i < CALLS; i++) topics({ destination: room((i * 7919) % number) });
  };
  note("publication with one subscriber, by topics", number, microsecondsEach(CALLS, publish));

  const subscriptions = brokerWith(number, (i) => (i % 10 === 0 ? `/topic/room${i}/*` : room(i)));
  subscriptions({ messageType: "CONNECT", sessionId: "passing" });
  const passing = { sessionId: "passing", subscriptionId: "p", destination: "/topic/*/passing" };
  const comeAndGo = () => {
    for (let i = 0; i < CALLS; i++) {
      subscriptions({ ...passing, messageType: "SUBSCRIBE" });
      subscriptions({ ...passing, messageType: "UNSUBSCRIBE" });
    }
  };
  note("SUBSCRIBE to a pattern, by subscriptions", number, microsecondsEach(2 * CALLS, comeAndGo));

  const sessions = brokerWith(number, () => room(0), 1);
  const fanOuts = Math.ceil(200_000 / number);
  const fanOut = () => {
    for (let i = 0; i < fanOuts; i++) sessions({ destination: room(0) });
  };
  note("delivery to each of all sessions", number, microsecondsEach(fanOuts * number, fanOut));
}

writeFileSync(
  "docs/growth-broker.svg",
  plotGrowth({
    title: "CPU µs in the broker, as what is there grows",
    lines: [...lines].map(([name, points]) => ({ name, points })),
  }),
);
