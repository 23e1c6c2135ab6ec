import { expect } from "chai";
import { NativeHeaders } from "express-stomp";
import { BrokerHost } from "../support/broker-host.js";
import { countOperations, countOperationsOfTurn } from "../support/count-operations.js";

/** Enough that nobody may look at all of them in one turn of the event loop. */
const COUNT = 8_000;
/** Steps that a turn of the event loop may have for what is looked at for nothing. */
const MOST_PER_TURN = 100_000;
const ONE = { ack: "client-individual", "prefetch-count": "1" };

describe("Queues of the simple broker", () => {
  const host = new BrokerHost();

  beforeEach(async () => {
    host.start({
      queuePrefixes: ["/queue/"],
      selectorHeaderName: "selector",
      backlogLimit: 1_000_000,
      backlogSizeLimit: 1_000_000_000,
      unacknowledgedLimit: 1_000_000,
    });
    await host.connect("alice");
    await host.connect("bob");
  });

  // It would go on looking for consumers of before.
  afterEach(() => host.broker.close());

  const acknowledge = (sessionId: string, native = {}, stompCommand = "ACK") => {
    const { ackId } = host.outbound.messages.at(-1)?.headers ?? {};
    void host.handle("OTHER", {
      sessionId,
      stompCommand,
      ackId,
      native: NativeHeaders.of(native),
    });
  };

  const fill = (count: number, destination: (i: number) => string) => {
    for (let i = 0; i < count; i++) host.publish(destination(i), {}, `${i}`);
  };

  /** Lets the event loop turn until so many have been delivered; gives how often it did. */
  const delivered = async (count: number): Promise<number> => {
    let turns = 0;
    for (; host.outbound.messages.length < count; turns++) {
      expect(turns, `turns, with ${host.outbound.messages.length} delivered`).to.be.below(10_000);
      await new Promise(setImmediate);
    }
    return turns;
  };

  it("give a long backlog to a new subscriber in steps that grow with its length", () => {
    const stepsFor = (count: number, destination: string) => {
      for (let i = 0; i < count; i++) host.publish(destination);
      return countOperations(() => host.subscribe("alice", destination, destination)) / count;
    };
    const few = stepsFor(1_000, "/queue/short");
    expect(stepsFor(20_000, "/queue/long")).to.be.below(3 * few);
    expect(host.outbound.messages).to.have.length(21_000);
  });

  it("do not look at all queues for an ACK", () => {
    for (let i = 0; i < 5_000; i++) host.publish(`/queue/a/${i}`);
    host.subscribe("alice", "s", "/queue/a/*", { ack: "client", "prefetch-count": "1" });
    expect(countOperations(() => acknowledge("alice"))).to.be.below(1_000);
    expect(host.deliveries()).to.deep.equal(["alice s /queue/a/0 hello", "alice s /queue/a/1 hello"]);
  });

  describe("while thousands of them hold something", () => {
    const name = (i: number) => `/queue/a/${i}`;

    it("give a pattern's consumer what it has room for, in steps that do not count the queues", () => {
      fill(COUNT, name);
      for (const [i, pattern] of ["/queue/**", "/queue/a/*", "/queue/{a}/{b}", "/**/a/?*"].entries()) {
        expect(countOperations(() => host.subscribe("alice", `${i}`, pattern, ONE))).to.be.below(1_000);
        expect(countOperations(() => acknowledge("alice"))).to.be.below(1_000);
        expect(countOperations(() => acknowledge("alice", {}, "NACK"))).to.be.below(1_000);
        expect(
          countOperations(() => void host.handle("UNSUBSCRIBE", { subscriptionId: `${i}` })),
        ).to.be.below(1_000);
      }
    });

    it("end a session with such consumers in steps that do not count them", () => {
      fill(COUNT, name);
      for (let i = 0; i < 10; i++) host.subscribe("alice", `${i}`, "/queue/**", ONE);
      expect(countOperations(() => void host.handle("DISCONNECT"))).to.be.below(3_000);
    });

    it("end a consumer in steps that do not count what came while it had no room", () => {
      host.subscribe("alice", "s", "/queue/**", ONE);
      fill(COUNT, name);
      fill(COUNT, name);
      expect(countOperations(() => acknowledge("alice"))).to.be.below(300);
      expect(countOperations(() => void host.handle("UNSUBSCRIBE", { subscriptionId: "s" }))).to.be.below(
        300,
      );
    });

    it("are looked at a few at a time for who wants none of them, until one is found", async () => {
      fill(COUNT, name);
      host.publish("/queue/b/z", {}, "wanted");
      expect(countOperations(() => host.subscribe("alice", "s", "/queue/*/*z", ONE))).to.be.below(50_000);
      expect(host.deliveries()).to.deep.equal([]);
      expect(await delivered(1)).to.be.above(0);
      expect(host.deliveries()).to.deep.equal(["alice s /queue/b/z wanted"]);
      // The next that comes is not looked for.
      acknowledge("alice");
      expect(countOperations(() => host.publish("/queue/c/z", {}, "next"))).to.be.below(300);
      expect(host.deliveries().at(-1)).to.equal("alice s /queue/c/z next");
    });

    for (const [what, pattern, long] of [
      ["a hundred wildcards", `/queue/**/${"*a".repeat(120)}*b*`, "a".repeat(950)],
      ["a run that nearly fits", `/queue/**/*${"a".repeat(200)}b*`, "a".repeat(950)],
      ["a run with open places", `/queue/**/*${"é?".repeat(15)}b*`, "é".repeat(950)],
      ["three `**`", "/queue/**/*a/**/*b/**", `${"a/".repeat(60)}${"a".repeat(830)}`],
    ] as const) {
      it(`are looked at a few at a time, with names of 950 characters and ${what}`, async () => {
        fill(COUNT / 4, (i) => `/queue/${long}${i}`);
        const begun = () => host.subscribe("alice", "s", pattern, ONE);
        expect(countOperations(begun)).to.be.above(10_000).and.below(MOST_PER_TURN);
        host.publish("/queue/b", {}, "wanted");
        host.subscribe("alice", "t", "/queue/b", ONE);
        expect(host.deliveries()).to.deep.equal(["alice t /queue/b wanted"]);
        for (let turn = 0; turn < 20; turn++) {
          expect(await countOperationsOfTurn())
            .to.be.above(10_000)
            .and.below(MOST_PER_TURN);
        }
      });
    }

    it("are not looked at for who wants those that begin otherwise", () => {
      fill(COUNT, name);
      for (const pattern of ["/queue/b/*", "/topic/*", "/queue/b/**/z"]) {
        expect(countOperations(() => host.subscribe("alice", pattern, pattern, ONE))).to.be.below(300);
      }
    });

    it("keep their order for who has not found them yet", async () => {
      fill(COUNT, name);
      host.publish("/queue/b/z", {}, "first");
      host.subscribe("alice", "s", "/queue/*/*z");
      host.publish("/queue/b/z", {}, "second");
      host.publish("/queue/c/z", {}, "of another queue");
      expect(host.deliveries()).to.deep.equal(["alice s /queue/c/z of another queue"]);
      await delivered(3);
      expect(host.deliveries().slice(1)).to.deep.equal([
        "alice s /queue/b/z first",
        "alice s /queue/b/z second",
      ]);
    });

    it("let others take what somebody has not found yet", async () => {
      const of = (color: string) => ({ native: NativeHeaders.of({ color }) });
      fill(COUNT, name);
      host.publish("/queue/b/z", of("red"), "1");
      for (let i = 0; i < 20; i++) host.subscribe("alice", `${i}`, `/queue/**/none${i}*`);
      host.subscribe("alice", "s", "/queue/*/*z");
      host.subscribe("bob", "t", "/queue/b/z", { selector: "color = 'blue'" });
      await new Promise(setImmediate);
      host.publish("/queue/b/z", of("blue"), "2");
      expect(host.deliveries()).to.deep.equal(["bob t /queue/b/z 2"]);
      await delivered(2);
      expect(host.deliveries()).to.deep.equal(["bob t /queue/b/z 2", "alice s /queue/b/z 1"]);
    });

    it("are looked at for every session in turn, however much one of them wants to see", async () => {
      fill(COUNT, name);
      host.publish("/queue/b/z", {}, "wanted");
      for (let i = 0; i < 200; i++) host.subscribe("alice", `${i}`, `/queue/**/none${i}*`, ONE);
      host.subscribe("bob", "s", "/queue/*/*z", ONE);
      expect(await delivered(1)).to.be.below(50);
    });

    it("are looked for no more when the consumer, its session or the broker has gone", async () => {
      fill(COUNT, name);
      host.publish("/queue/b/z", {}, "wanted");
      host.subscribe("alice", "s", "/queue/*/*z", ONE);
      await host.handle("UNSUBSCRIBE", { subscriptionId: "s" });
      host.subscribe("alice", "t", "/queue/*/*z", ONE);
      host.broker.sessionEnded?.({ sessionId: "alice", handled: undefined, settles: false });
      for (let i = 0; i < 50; i++) await new Promise(setImmediate);
      expect(host.deliveries()).to.deep.equal([]);
      host.subscribe("bob", "s", "/queue/*/*z", ONE);
      await delivered(1);
      host.subscribe("bob", "t", "/queue/*/*z", ONE);
      await host.broker.close();
      for (let i = 0; i < 50; i++) await new Promise(setImmediate);
      expect(host.deliveries()).to.deep.equal(["bob s /queue/b/z wanted"]);
    });

    it("give what came to them meanwhile, the oldest queue first", () => {
      const of = (color: string) => ({ native: NativeHeaders.of({ color }) });
      for (let i = 0; i < 100; i++) host.publish(name(i), of("red"));
      host.publish("/queue/other", of("blue"));
      // Alice has looked at all of them, and has room for one message at a time.
      host.subscribe("alice", "s", "/queue/**", { ...ONE, selector: "color = 'blue'" });
      for (let i = 99; i >= 0; i--) host.publish(name(i), of("blue"), `${i}`);
      for (let i = 0; i < 100; i++) acknowledge("alice");
      const expected = Array.from({ length: 100 }, (_, i) => `alice s ${name(i)} ${i}`);
      expect(host.deliveries().slice(1)).to.deep.equal(expected);
    });
  });

  it("keep nothing for a consumer without room of what others took meanwhile", () => {
    const acknowledgeFirst = () => {
      const { sessionId, ackId } = host.outbound.messages[0]?.headers ?? {};
      void host.handle("OTHER", { sessionId, stompCommand: "ACK", ackId, native: NativeHeaders.of({}) });
    };
    host.subscribe("alice", "s", "/queue/a", ONE);
    host.publish("/queue/a", {}, "first");
    host.subscribe("bob", "t", "/queue/a", ONE);
    host.publish("/queue/a", {}, "second");
    for (let i = 0; i < 1_000; i++) {
      host.publish("/queue/a", {}, `${i}`);
      acknowledge("bob");
    }
    expect(host.deliveries().at(-1)).to.equal("bob t /queue/a 999");
    host.publish("/queue/a", {}, "last");

    expect(countOperations(acknowledgeFirst)).to.be.below(300);
    expect(host.deliveries().at(-1)).to.equal("alice s /queue/a last");
  });

  it("ask a selector about a few at a time of those that wait", async () => {
    const text = "x".repeat(8_000);
    for (let i = 0; i < 1_000; i++) host.publish("/queue/a", { native: NativeHeaders.of({ text }) });
    host.publish("/queue/a", { native: NativeHeaders.of({ text: `${text}y` }) }, "wanted");
    const selector = Array.from({ length: 7 }, (_, i) => `text LIKE '%${i}%y'`).join(" OR ");
    const steps = countOperations(() =>
      host.subscribe("alice", "s", "/queue/a", { selector: `${selector} OR text LIKE '%xy'` }),
    );
    expect(steps).to.be.below(1_000_000);
    host.publish("/queue/a", { native: NativeHeaders.of({ text: "xy" }) }, "behind it");
    expect(host.deliveries()).to.deep.equal([]);
    await delivered(2);
    expect(host.deliveries()).to.deep.equal(["alice s /queue/a wanted", "alice s /queue/a behind it"]);
  });

  it("ask a selector once for each message that waits, however often there is room", () => {
    for (let i = 0; i < 1_000; i++) host.publish("/queue/a", { native: NativeHeaders.of({ color: "red" }) });
    host.publish("/queue/a", { native: NativeHeaders.of({ color: "blue" }) });
    host.subscribe("alice", "s", "/queue/a", {
      ack: "client",
      "prefetch-count": "1",
      selector: "color LIKE 'bl%'",
    });
    expect(host.deliveries()).to.have.length(1);
    expect(countOperations(() => acknowledge("alice"))).to.be.below(1_000);

    host.publish("/queue/a", { native: NativeHeaders.of({ color: "blue" }) });
    expect(host.deliveries()).to.have.length(2);
  });

  it("ask a selector again for what came back meanwhile", () => {
    const blue = { native: NativeHeaders.of({ color: "blue" }) };
    host.publish("/queue/a", blue, "1");
    host.subscribe("bob", "s", "/queue/a", { ack: "client-individual", "prefetch-count": "1" });
    for (const body of ["2", "3", "4"]) host.publish("/queue/a", blue, body);
    host.subscribe("alice", "s", "/queue/a", {
      ack: "client",
      "prefetch-count": "1",
      selector: "color LIKE 'bl%'",
    });
    void host.handle("DISCONNECT", { sessionId: "bob" });
    acknowledge("alice");
    acknowledge("alice");
    expect(host.deliveries()).to.deep.equal([
      "bob s /queue/a 1",
      "alice s /queue/a 2",
      "alice s /queue/a 1",
      "alice s /queue/a 3",
    ]);
  });

  it("keep no read buffer for what is not acknowledged", () => {
    host.subscribe("alice", "s", "/queue/a", { ack: "client" });
    const buffer = Buffer.alloc(60_000, "x");
    void host.broker.handle({
      payload: buffer.subarray(100, 110),
      headers: { messageType: "MESSAGE", destination: "/queue/a", native: NativeHeaders.EMPTY },
    });
    const [delivered] = host.outbound.messages;
    expect(delivered?.payload.buffer.byteLength).to.equal(10);
  });
});
