// `npm run bench:micro`: what single stations cost, in one process: decoding, encoding, finding subscribers.

import "reflect-metadata";
import { Selector } from "#lib/broker/selector/selector.js";
import { systemClock } from "#lib/clock/clock.js";
import { DestinationIndex } from "#lib/destination/destination-index.js";
import { parsePattern } from "#lib/destination/pattern.js";
import { overlaps } from "#lib/destination/reach.js";
import { Delivery } from "#lib/message/delivery.js";
import { createMessage } from "#lib/message/message.js";
import { NativeHeaders } from "#lib/message/native-headers.js";
import { FrameTaps } from "#lib/observe/frame-taps.js";
import { MessageEncoder } from "#lib/session/message-encoder.js";
import { StompDecoder } from "#lib/stomp/decoder.js";
import { encode } from "#lib/stomp/encoder.js";
import { letters, measureCostlyFrames } from "./costly-frames.js";
import { medianOf } from "./median.js";
import { table, writeIntoPage } from "./page.js";
import { presenceOf } from "./presence-station.js";
import { receivedPublications } from "./received-publications.js";
import { decodeBySplitting, encodeByJoining } from "./splitting-codec.js";

interface Station {
  readonly what: string;
  /** How many calls one run makes. */
  readonly calls: number;
  readonly run: () => void;
  /** The same by hand; takes turns with `run`. */
  readonly byHand?: () => void;
  /** How many times cheaper than by hand it is to be. */
  readonly goal?: number;
}

/** No tap fails here. */
const NO_LOGGER = { debug() {}, info() {}, warn() {}, error() {} };
const ROUNDS = 7;
const rows: string[][] = [];

/** Prints medians of some rounds, in microseconds of CPU for each call. */
function measure({ what, calls, run, byHand, goal }: Station): void {
  run();
  byHand?.();
  const rounds = Array.from({ length: ROUNDS }, () => {
    return { ours: cpuOf(run) / calls, theirs: byHand ? cpuOf(byHand) / calls : Number.NaN };
  });
  const ours = medianOf(rounds.map((round) => round.ours)).toFixed(3);
  const theirs = medianOf(rounds.map((round) => round.theirs)).toFixed(3);
  const ratio = medianOf(rounds.map((round) => round.theirs / round.ours)).toFixed(2);
  console.log(`${what}: ${ours} µs${byHand ? `, by hand ${theirs} µs, ratio ${ratio}` : ""}`);
  rows.push([what, ours, byHand ? theirs : "", byHand ? ratio : "", goal === undefined ? "" : `≥ ${goal}`]);
}

function cpuOf(run: () => void): number {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

for (const size of [100, 1024, 16_384]) {
  const calls = Math.ceil(40_000_000 / (size + 1000));
  const frame = Buffer.from(
    "SEND\ndestination:/topic/room.1\ncontent-type:text/plain\nreceipt:r-1\nx-trace:0123456789\n\n" +
      `${"x".repeat(size)}\0`,
  );
  const decoder = new StompDecoder();
  decoder.version = "1.2";
  let octets = 0;
  measure({
    what: `decode a SEND of ${size} B with 4 headers`,
    calls,
    run() {
      for (let i = 0; i < calls; i++) decoder.decode(frame, ({ body }) => (octets += body.length));
    },
    byHand() {
      for (let i = 0; i < calls; i++) octets += decodeBySplitting(frame).body.length;
    },
    ...(size === 100 ? { goal: 5 } : {}),
  });

  const text = "x".repeat(size);
  const payload = Buffer.from(text);
  const byHand = () => {
    for (let i = 0; i < calls; i++) {
      const headers = new Map([
        ["destination", "/topic/room.1"],
        ["content-type", "text/plain"],
        ["subscription", "sub-0"],
        ["message-id", `m-${i}`],
      ]);
      octets += encodeByJoining({ command: "MESSAGE", headers, body: text }).length;
    }
  };
  measure({
    what: `encode any frame, here a MESSAGE of ${size} B with 4 headers`,
    calls,
    run() {
      for (let i = 0; i < calls; i++) {
        const headers = NativeHeaders.fromFlat([
          "destination",
          "/topic/room.1",
          "content-type",
          "text/plain",
          "subscription",
          "sub-0",
          "message-id",
          `m-${i}`,
        ]);
        octets += encode({ command: "MESSAGE", headers, body: payload }, "1.2").length;
      }
    },
    byHand,
  });
  const encoder = new MessageEncoder();
  for (const [subscribers, ids] of [
    [1, "equal"],
    [100, "equal"],
    [100, "different"],
  ] as const) {
    measure({
      what: `encode a MESSAGE of ${size} B for each of ${subscribers}, ids ${ids}`,
      calls,
      run() {
        for (let i = 0; i < calls; ) {
          const publication = createMessage(payload, {
            destination: "/topic/room.1",
            contentType: "text/plain",
            messageId: `m-${i}`,
          });
          for (let j = 0; j < subscribers; j++, i++) {
            const delivery = new Delivery(publication, {
              sessionId: "s",
              id: ids === "equal" ? "sub-0" : `sub-${j}`,
              gone: false,
            });
            octets += encoder.encode(delivery, "1.2").bytes.length;
          }
        }
      },
      byHand,
    });
  }
}

for (const [what, target] of [
  ["nobody looks", undefined],
  ["a tap of another session", { sessionId: "another" }],
  ["a tap of another destination", { destination: "/topic/room.2" }],
  ["a tap of this destination", { destination: "/topic/room.1" }],
] as const) {
  const taps = new FrameTaps({ clock: systemClock, logger: NO_LOGGER, separator: "/" });
  let shown = 0;
  if (target) taps.add(target, ({ body }) => (shown += body.length));
  const [calls, subscribers] = [100_000, 100];
  const session = { id: "s", user: undefined };
  const payload = Buffer.alloc(100, "x");
  measure({
    what: `show a delivery to each of 100: ${what}`,
    calls,
    run() {
      for (let i = 0; i < calls; ) {
        const publication = createMessage(payload, { destination: "/topic/room.1", messageId: `m-${i}` });
        for (let j = 0; j < subscribers; j++, i++) {
          const delivery = new Delivery(publication, { sessionId: "s", id: "1", gone: false });
          if (taps.isOn) taps.given(session, delivery);
        }
      }
    },
  });
}

for (const count of [1_000, 100_000]) {
  const index = new DestinationIndex<object>();
  const destinations = Array.from({ length: count / 10 }, (_, i) => `/topic/room${i}/news`);
  const destination = (i: number) => destinations[i % destinations.length] as string;
  const patterns = Array.from({ length: count }, (_, i) =>
    parsePattern(i % 10 === 0 ? `/topic/room${i % destinations.length}/*` : destination(i)),
  );
  const values = patterns.map(() => ({}));
  const add = () => {
    for (const [i, pattern] of patterns.entries()) index.add(pattern, values[i] as object);
  };
  const remove = () => {
    for (const [i, pattern] of patterns.entries()) index.remove(pattern, values[i] as object);
  };
  measure({
    what: `subscribe and unsubscribe, up to ${count} subscriptions`,
    calls: 2 * count,
    run() {
      add();
      remove();
    },
  });
  add();

  const calls = 50_000;
  measure({
    what: `find the subscribers of a destination among ${count} subscriptions, cached`,
    calls,
    run() {
      for (let i = 0; i < calls; i++) index.match(destination(i % 100));
    },
  });
  // More destinations than the index remembers, one after the other: none is still known when its turn comes.
  if (destinations.length > 1024) {
    measure({
      what: "the same, not remembered",
      calls,
      run() {
        for (let i = 0; i < calls; i++) index.match(destination(i));
      },
    });
  }
  const passing = parsePattern("/topic/*/passing");
  measure({
    what: "the same, with a SUBSCRIBE and UNSUBSCRIBE before each",
    calls,
    run() {
      for (let i = 0; i < calls; i++) {
        index.add(passing, values[0] as object);
        index.match(destination(i));
        index.remove(passing, values[0] as object);
      }
    },
  });
}

// What somebody makes to be slow, in the broker alone; the same as whole frames stands in costly-frames.ts.
for (const [what, pattern, name] of [
  [
    "a run of 200 characters between two `*`",
    (i: number) => `/topic/*b${letters(i)}${"a".repeat(200)}*`,
    "a".repeat(1000),
  ],
  [
    "the same, with the difference in its middle",
    (i: number) => `/topic/*${"a".repeat(100)}${letters(i)}${"a".repeat(100)}*`,
    "a".repeat(1000),
  ],
  ["a run with `?`", (i: number) => `/topic/*${"a?".repeat(12)}${letters(i)}*`, "a".repeat(1000)],
  ["three `**`", (i: number) => `/**/a${i}/**/*aa*/**`, `${"/aaaaaaaaaaaaaaa".repeat(60)}`],
] as const) {
  const hostile = new DestinationIndex<object>();
  for (let i = 0; i < 1000; i++) hostile.add(parsePattern(pattern(i)), {});
  let asked = 0;
  measure({
    what: `find that none of 1,000 patterns fits 1,000 characters: ${what}`,
    calls: 5,
    // Another one each time: the index remembers.
    run() {
      for (let i = 0; i < 5; i++) hostile.match(`/topic/${name}${asked++}`);
    },
  });
}

const rules = Array.from({ length: 31 }, (_, i) =>
  parsePattern(`/topic/*room-${i}-*-of-*-house-*/**`, { regex: true }),
);
measure({
  what: "lay a SUBSCRIBE of 250 characters with 120 `*` beside 31 rules",
  calls: 50,
  run() {
    for (let i = 0; i < 50; i++) {
      const client = parsePattern(`/topic/${"*a".repeat(118)}*${i}`);
      for (const rule of rules) overlaps(rule, client);
    }
  },
});

const likes = Array.from({ length: 8 }, (_, i) => `h LIKE '%a${letters(i)}%'`).join(" OR ");
const selectors = Array.from({ length: 12 }, () => Selector.parse(likes));
const longHeader = createMessage(Buffer.alloc(0), { native: NativeHeaders.of({ h: "a".repeat(8000) }) });
measure({
  what: "ask the 96 LIKEs that a session may have about a header of 8,000 characters",
  calls: 5,
  run() {
    for (let i = 0; i < 5; i++) for (const selector of selectors) selector.matches(longHeader);
  },
});

const queueNames = Array.from({ length: 20_000 }, (_, i) => `/queue/a/b/c/d/e/${i}`);
measure({
  what: "find which of 20,000 queues a pattern fits",
  calls: 10,
  run() {
    for (let i = 0; i < 10; i++) {
      const pattern = parsePattern(`/queue/a/b/c/d/*/z${i}*`);
      for (const queue of queueNames) pattern.fits(queue);
    }
  },
});

for (const people of [100, 1_000]) {
  const calls = 20_000;
  const comeAndGo = presenceOf(people);
  measure({
    what: `presence: one comes to a room of ${people} and leaves it`,
    calls,
    run: () => comeAndGo(calls),
  });
}

for (const [how, secret] of [
  ["sealed", "a secret of the bench"],
  ["trusted", undefined],
] as const) {
  const calls = 5_000;
  const run = await receivedPublications(calls, 100, secret);
  measure({ what: `read a publication of another server that nobody here hears, 100 B, ${how}`, calls, run });
}

writeIntoPage("bench:micro", table(["what", "CPU µs", "by hand", "ratio", "goal"], rows));

const costly = await measureCostlyFrames();
writeIntoPage("bench:micro, frames", table(["frame", "bytes", "CPU ms", "at most"], costly));
process.exit();
