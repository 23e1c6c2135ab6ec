import { expect } from "chai";
import { createMessage } from "#lib/message/message.js";
import { NativeHeaders } from "#lib/message/native-headers.js";
import { type Outgoing, Publications } from "#lib/servers/publications.js";
import { FakeTimers } from "../support/fake-timers.js";
import { recordingLogger } from "../support/recording.js";

function news(payload: Uint8Array): Outgoing {
  const message = createMessage(payload, { destination: "/topic/news", native: NativeHeaders.of([]) });
  return { message, toUser: false, byClient: false };
}

describe("Publications", () => {
  /** Bytes that were published, of all. */
  let published: Uint8Array[];
  const clock = new FakeTimers();

  beforeEach(() => {
    published = [];
  });

  function sender({ confirmed = Promise.resolve() } = {}): Publications {
    return new Publications({
      road: {
        name: "road",
        publish(bytes) {
          published.push(bytes);
          return confirmed;
        },
      },
      key: undefined,
      clock,
      logger: recordingLogger(),
    });
  }

  it("forget of too many senders the one that has been silent for the longest", async () => {
    let taken = 0;
    const listener = new Publications({
      road: { name: "road", publish: async () => {} },
      key: undefined,
      clock,
      logger: recordingLogger(),
      take: () => void taken++,
    });
    const receive = (bytes: Uint8Array) => void listener.receive(bytes, "", false);
    const first = sender();
    await first.publish(news(Buffer.from("a")));
    for (let i = 1; i < 10_000; i++) await sender().publish(news(Buffer.from("b")));
    await first.publish(news(Buffer.from("c")));
    await sender().publish(news(Buffer.from("d")));
    published.forEach(receive);
    expect(taken).to.equal(10_002);

    // A recording of the first, which has said something since; and of the second, which has not.
    for (const recorded of [0, 10_000]) receive(published[recorded]!);
    expect(taken).to.equal(10_002);
    receive(published[1]!);
    expect(taken).to.equal(10_003);
  });

  it("say that a transaction will never fit, and that one will fit later", () => {
    let confirm = () => {};
    const confirmed = new Promise<void>((resolve) => {
      confirm = resolve;
    });
    const publications = sender({ confirmed });
    const long = news(Buffer.alloc(6 * 1024 * 1024));
    const retries = (count: number) => {
      try {
        publications.check(Array(count).fill(long));
        return "fits";
      } catch (error) {
        const { message, retry } = error as Error & { retry: unknown };
        return [/^A transaction of 3 messages/.test(message), retry];
      }
    };
    expect([retries(2), retries(3)]).to.deep.equal(["fits", [true, "never"]]);
    void publications.publish(long);
    expect([retries(1), retries(2), retries(3)]).to.deep.equal(["fits", [false, "now"], [true, "never"]]);
    confirm();
  });
});
