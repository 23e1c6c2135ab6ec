import type { Dialect } from "./dialect.js";
import { masked, NUMBER_LENGTH, type RawClient } from "./raw-client.js";

const SIZE = 100;

/**
 * Subscribes all; gives what publishes so many, some at a time, and waits until everybody has heard all, in order.
 *
 * @param inFlight publications that not everybody has heard yet, at most
 */
export async function publisherTo(clients: readonly RawClient[], dialect: Dialect, inFlight = 4) {
  const topic = dialect.topic("bench");
  const [publisher] = clients;
  const remaining = new Map<number, number>();
  let next = 0;
  let heard: (number: number) => void = () => {};
  let failed: (error: Error) => void = () => {};
  for (const [i, client] of clients.entries()) {
    let expected = 0;
    client.onMessage = (number) => {
      if (number !== expected++) failed(new Error(`client ${i} got ${number} instead of ${expected - 1}`));
      else heard(number);
    };
    await client.subscribe(topic, "0");
  }

  const send = () => {
    const text = String(next).padStart(NUMBER_LENGTH, "0").padStart(SIZE, "x");
    remaining.set(next++, clients.length);
    publisher?.write(masked(dialect.send(topic, "text/plain", text)));
  };
  return (count: number) =>
    new Promise<void>((resolve, reject) => {
      const last = next + count;
      failed = reject;
      heard = (number) => {
        const left = (remaining.get(number) ?? 0) - 1;
        remaining.set(number, left);
        if (left > 0) return;
        remaining.delete(number);
        if (next < last) send();
        else if (remaining.size === 0) resolve();
      };
      for (let i = 0; i < Math.min(inFlight, count); i++) send();
    });
}
