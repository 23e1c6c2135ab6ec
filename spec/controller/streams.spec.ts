import { once, setMaxListeners } from "node:events";
import { Readable } from "node:stream";
import { expect } from "chai";
import {
  type Message,
  MessageExceptionHandler,
  MessageHandlingError,
  MessageMapping,
  SendTo,
  SubscribeMapping,
} from "express-stomp";
import { bodyOf, faultOf, withControllers } from "../support/controllers.js";
import { settled } from "../support/recording.js";

/** Emits what its streams give, and notes what becomes of them. */
class Ticker extends EventTarget {
  readonly notes: unknown[] = [];

  constructor() {
    super();
    // Each stream listens, and a session may have a hundred.
    setMaxListeners(0, this);
  }

  tick(value: number | Error) {
    this.dispatchEvent(Object.assign(new Event("tick"), { value }));
  }

  async *#ticks(signal?: AbortSignal) {
    try {
      for (;;) {
        const [{ value }] = (await once(this, "tick", { signal })) as [{ value: number | Error }];
        if (value instanceof Error) throw value;
        yield value;
      }
    } finally {
      this.notes.push("ended");
    }
  }

  @MessageMapping("/three")
  async *three() {
    yield 1;
    yield null;
    yield { two: 2 };
    yield "three";
  }

  @MessageMapping("/later")
  @SendTo("/topic/later")
  async later() {
    return Readable.from(["a", "b"]);
  }

  @SubscribeMapping("/ticks")
  ticks(signal: AbortSignal) {
    return this.#ticks(signal);
  }

  @MessageMapping("/ticks")
  published(signal: AbortSignal) {
    return this.#ticks(signal);
  }

  @SubscribeMapping("/deaf")
  deaf() {
    return this.#ticks();
  }

  @SubscribeMapping("/endless")
  async *endless() {
    for (let i = 0; ; i++) yield i;
  }

  @MessageMapping("/unwritable")
  async *unwritable() {
    try {
      yield 1n;
    } finally {
      this.notes.push("ended");
    }
  }
}

const texts = (messages: readonly Message[]) => messages.map(bodyOf);

describe("a handler that returns an async iterable", () => {
  let ticker: Ticker;
  let stations: ReturnType<typeof withControllers>;
  beforeEach(() => {
    ticker = new Ticker();
    stations = withControllers(ticker);
  });

  it("has each element sent where a return value goes, in order", async () => {
    await stations.send("/app/three");
    await stations.send("/app/later");
    await settled();
    expect(texts(stations.toBroker).filter((text) => text.length > 1)).to.deep.equal(['{"two":2}', "three"]);
    const ofTopic = (topic: string) =>
      texts(stations.toBroker.filter(({ headers }) => headers.destination === topic));
    expect(ofTopic("/topic/three")).to.deep.equal(["1", '{"two":2}', "three"]);
    expect(ofTopic("/topic/later")).to.deep.equal(["a", "b"]);
  });

  it("is done when the stream has begun: the next message does not wait for its end", async () => {
    expect(stations.subscribe("/app/ticks")).to.equal(true);
    await stations.send("/app/three");
    ticker.tick(1);
    await settled();
    ticker.tick(2);
    await settled();
    expect(texts(stations.toClient)).to.deep.equal(["1", "2"]);
    expect(stations.toClient.map(({ headers }) => headers.subscriptionId)).to.deep.equal(["sub-0", "sub-0"]);
  });

  for (const destination of ["/app/ticks", "/app/deaf"]) {
    it(`is cancelled when its session ends: ${destination}`, async () => {
      await stations.subscribe(destination);
      await settled();
      await stations.sendMessage("", { messageType: "DISCONNECT" });
      await settled();
      if (destination === "/app/ticks") expect(ticker.notes).to.deep.equal(["ended"]);

      ticker.tick(1);
      await settled();
      expect(stations.toClient).to.deep.equal([]);
      expect(ticker.notes).to.deep.equal(["ended"]);
      expect(stations.errors).to.deep.equal([]);
    });
  }

  it("is cancelled by the UNSUBSCRIBE of its own subscription only", async () => {
    await stations.subscribe("/app/ticks");
    await stations.subscribe("/app/ticks", { subscriptionId: "sub-1" });
    await stations.send("/app/ticks", "", { subscriptionId: "sub-1" });
    await settled();
    await stations.sendMessage("", { messageType: "UNSUBSCRIBE", subscriptionId: "sub-1" });
    ticker.tick(1);
    await settled();
    expect(stations.toClient.map(({ headers }) => headers.subscriptionId)).to.deep.equal(["sub-0"]);
    expect(texts(stations.toBroker)).to.deep.equal(["1"]);
    expect(ticker.notes).to.deep.equal(["ended"]);
  });

  it("is not cancelled by another session's end", async () => {
    await stations.sendMessage("", { messageType: "CONNECT", sessionId: "s2" });
    await stations.subscribe("/app/ticks");
    await stations.sendMessage("", { messageType: "DISCONNECT", sessionId: "s2" });
    ticker.tick(1);
    await settled();
    expect(texts(stations.toClient)).to.deep.equal(["1"]);
  });

  it("leaves others their turn when it never ends", async () => {
    await stations.subscribe("/app/endless");
    await settled();
    await stations.sendMessage("", { messageType: "DISCONNECT" });
    await settled();
    const sent = stations.toClient.length;
    await settled();
    expect(stations.toClient).to.have.length(sent);
    expect(sent).to.be.greaterThan(63);
  });

  it("may have a hundred beside it, and no more", async () => {
    for (let i = 0; i < 100; i++) await stations.subscribe("/app/ticks", { subscriptionId: `sub-${i}` });
    const fault = await faultOf(() => stations.subscribe("/app/ticks"));
    expect(fault).to.have.property("publicMessage", "A session has at most 100 streams");

    await stations.sendMessage("", { messageType: "UNSUBSCRIBE", subscriptionId: "sub-7" });
    await settled();
    await stations.subscribe("/app/ticks");
  });

  it("leaves its place when it is cancelled, though it goes on waiting for what does not come", async () => {
    for (let i = 0; i < 150; i++) await cancelled();
    expect(ticker.notes).to.deep.equal([]);
    await stations.subscribe("/app/ticks");
    ticker.tick(1);
    await settled();
    expect(texts(stations.toClient)).to.deep.equal(["1"]);
    expect(ticker.notes).to.have.length(150);
  });

  it("tells the developer once when many go on waiting, and is refused beyond a thousand", async () => {
    for (let i = 0; i < 1000; i++) await cancelled();
    const fault = await faultOf(() => stations.subscribe("/app/ticks"));
    const text = "A session has at most 1000 streams that were cancelled and have not ended";
    expect(fault).to.have.property("publicMessage", text);
    const told = stations.log.filter((line) => line.includes("go on waiting"));
    expect(told).to.have.length(1);
    expect(told[0]).to.include("warn 100 streams of one session").and.to.include("/app/deaf");

    ticker.tick(1);
    await settled();
    await stations.subscribe("/app/ticks");
  });

  async function cancelled(): Promise<void> {
    await stations.subscribe("/app/deaf", { subscriptionId: "cancelled" });
    await stations.sendMessage("", { messageType: "UNSUBSCRIBE", subscriptionId: "cancelled" });
  }

  it("is a fault where there is no session that could end it", async () => {
    const fault = await faultOf(() => stations.send("/app/three", "", { sessionId: "unknown" }));
    expect((fault as Error).message).to.equal("A stream needs a session that is connected");
  });

  describe("and fails later", () => {
    it("is logged and announced", async () => {
      await stations.subscribe("/app/ticks");
      ticker.tick(new Error("broken"));
      await settled();
      expect(stations.errors.map(({ error }) => error.message)).to.deep.equal([
        "Ticker.ticks failed: broken",
      ]);
      expect(stations.errors[0]?.error).to.be.instanceOf(MessageHandlingError);
      expect(stations.log.filter((line) => line.startsWith("error"))).to.have.length(1);
    });

    it("is a fault for the exception handlers", async () => {
      class Careful extends Ticker {
        @MessageExceptionHandler()
        @SendTo("/topic/errors")
        broken(error: Error) {
          return error.message;
        }
      }
      const careful = new Careful();
      const { subscribe, toBroker, errors } = withControllers(careful);
      await subscribe("/app/ticks");
      careful.tick(new Error("broken"));
      await settled();
      expect(texts(toBroker)).to.deep.equal(["broken"]);
      expect(errors).to.deep.equal([]);
    });

    it("is ended when an element cannot be sent", async () => {
      await stations.send("/app/unwritable");
      await settled();
      expect(ticker.notes).to.deep.equal(["ended"]);
      expect(stations.errors).to.have.length(1);
    });
  });
});
