// `npm run bench:micro`: what single stations cost, in one process: decoding, encoding, finding subscribers.

import { DestinationIndex } from "#lib/destination/destination-index.js";
import { parsePattern } from "#lib/destination/pattern.js";
import { Delivery } from "#lib/message/delivery.js";
import { createMessage } from "#lib/message/message.js";
import { MessageEncoder } from "#lib/session/message-encoder.js";
import { StompDecoder } from "#lib/stomp/decoder.js";

const ROUNDS = 7;

/** Prints the median of some rounds, in microseconds of CPU for each of so many calls. */
function measure(what: string, calls: number, run: () => void): void {
  run();
  const each = Array.from({ length: ROUNDS }, () => {
    const before = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / calls;
  }).sort((a, b) => a - b);
  console.log(`${what}: ${(each[ROUNDS >> 1] as number).toFixed(3)} µs`);
}

for (const size of [100, 1024, 16_384]) {
  const count = 20_000_000 / (size + 1000);
  const frame = Buffer.from(
    "SEND\ndestination:/topic/room.1\ncontent-type:text/plain\nreceipt:r-1\nx-trace:0123456789\n\n" +
      `${"x".repeat(size)}\0`,
  );
  const decoder = new StompDecoder();
  measure(`decode a SEND of ${size} B`, count, () => {
    for (let i = 0; i < count; i++) decoder.decode(frame, () => {});
  });

  const payload = Buffer.alloc(size, "x");
  const encoder = new MessageEncoder();
  for (const ids of ["equal", "different"] as const) {
    measure(`encode a MESSAGE of ${size} B for one of 100 subscribers, ids ${ids}`, count, () => {
      for (let i = 0; i < count; ) {
        const publication = createMessage(payload, { destination: "/topic/room.1", messageId: `m-${i}` });
        for (let j = 0; j < 100; j++, i++) {
          encoder.encode(new Delivery(publication, "s", ids === "equal" ? "sub-0" : `sub-${j}`), "1.2").frame;
        }
      }
    });
  }
}

for (const count of [100, 1_000, 10_000, 100_000]) {
  const index = new DestinationIndex<object>();
  const destination = (i: number) => `/topic/room${i % (count / 10)}/news`;
  const patterns = Array.from({ length: count }, (_, i) =>
    parsePattern(i % 10 === 0 ? `/topic/room${i % (count / 10)}/*` : destination(i)),
  );
  const values = patterns.map(() => ({}));
  const add = () => {
    for (const [i, pattern] of patterns.entries()) index.add(pattern, values[i] as object);
  };
  const remove = () => {
    for (const [i, pattern] of patterns.entries()) index.remove(pattern, values[i] as object);
  };
  measure(`subscribe and unsubscribe, up to ${count} subscriptions`, 2 * count, () => {
    add();
    remove();
  });
  add();
  const passing = parsePattern("/topic/*/passing");
  measure(`find the subscribers of a destination among ${count} subscriptions, cached`, 100_000, () => {
    for (let i = 0; i < 100_000; i++) index.match(destination(i % 100));
  });
  measure(`the same uncached, with a SUBSCRIBE and UNSUBSCRIBE before each`, 20_000, () => {
    for (let i = 0; i < 20_000; i++) {
      index.add(passing, values[0] as object);
      index.match(destination(i));
      index.remove(passing, values[0] as object);
    }
  });
}
