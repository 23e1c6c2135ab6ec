import { expect } from "chai";
import { createMessage, type TransportOptions } from "express-stomp";
import { TimedSession } from "../support/timed-session.js";

describe("SessionWatch", () => {
  let stage: TimedSession;

  function connect(limits?: Partial<TransportOptions>): void {
    stage = new TimedSession(limits);
    stage.open();
    stage.send("CONNECT\naccept-version:1.2\n\n\0");
    stage.socket.taken(stage.socket.bufferedAmount);
  }

  beforeEach(() => {
    stage = new TimedSession();
    stage.open();
  });

  for (const [what, stall] of [
    ["our own event loop stalls for 20 s", 20_000],
    ["the machine sleeps for an hour", 3_600_000],
  ] as const) {
    it(`cuts nobody when ${what}`, () => {
      stage.time.pass(2_000);
      stage.time.stall(stall);
      stage.time.pass(2_000);

      expect(stage.socket.closings).to.deep.equal([]);
    });
  }

  it("still misses who stays silent", () => {
    stage.time.pass(2_000);
    stage.time.stall(20_000);
    stage.time.pass(15_000);

    expect(stage.socket.closings).to.deep.equal([4500]);
  });

  it("is waited for at the closing of all until its socket has closed, and no longer", async () => {
    connect();
    const closed = stage.sessions.close({ code: 1001, reason: "bye" });
    expect(stage.socket.closings).to.deep.equal([1001]);

    stage.socket.listener?.socketClosed(1001, "bye");
    await closed; // no time has passed
  });

  it("counts sendTimeLimit anew whenever all that waited has left", () => {
    stage.send("NONSENSE");
    stage.socket.bufferedAmount = 1_000;
    for (let second = 0; second < 29; second++) {
      if (second % 9 === 0) stage.socket.bufferedAmount = 0;
      stage.time.pass(1_000);
      stage.socket.bufferedAmount = 1_000;
    }
    expect(stage.socket.closings).to.deep.equal([]);

    stage.time.pass(11_000);

    expect(stage.socket.closings).to.deep.equal([4500]);
  });

  it("spares one that reads slowly but reads", () => {
    connect();
    const message = createMessage(new Uint8Array(1_000), {
      destination: "/topic/a",
      sessionId: stage.sessionId,
    });
    for (let i = 0; i < 5; i++) stage.sessions.handle(message);
    for (let second = 0; second < 60; second++) {
      stage.sessions.handle(message);
      const waits = stage.socket.bufferedAmount;
      stage.socket.taken(Math.ceil(waits / 6));
      stage.time.pass(1_000);
    }
    expect(stage.socket.bufferedAmount).to.be.above(0);
    expect(stage.socket.closings).to.deep.equal([]);

    stage.time.pass(12_000);

    expect(stage.socket.closings).to.deep.equal([4500]);
  });

  it("lets no more pass of what a client sent that has left, and drops what waits for longer than 10 s", () => {
    connect({ inboundRateLimit: 100 });
    stage.send("SEND\ndestination:/app/count\n\n\0".repeat(2_000));
    stage.socket.listener?.socketClosed(1006, "");
    expect(stage.handled).to.equal(99);

    stage.time.pass(1_000);
    expect(stage.handled).to.equal(199);

    stage.time.pass(9_000);
    expect(stage.handled).to.be.within(1_000, 1_100);

    stage.time.pass(20_000);
    expect(stage.handled).to.be.within(1_000, 1_300);
  });

  it("lets a second's worth of inboundRateLimit pass, and as much with each second", () => {
    connect({ inboundRateLimit: 100 });
    stage.send("SEND\ndestination:/app/count\n\n\0".repeat(250));
    // CONNECT was one of the first hundred.
    expect(stage.handled).to.equal(99);

    stage.time.pass(1_000);
    expect(stage.handled).to.equal(199);

    stage.time.pass(1_000);
    expect(stage.handled).to.equal(250);
    expect(stage.socket.closings).to.deep.equal([]);
  });
});
