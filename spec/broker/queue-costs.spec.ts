import { expect } from "chai";
import { NativeHeaders } from "express-stomp";
import { BrokerHost } from "../support/broker-host.js";
import { countOperations } from "../support/count-operations.js";

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

  const acknowledge = (sessionId: string, native = {}) => {
    const { ackId } = host.outbound.messages.at(-1)?.headers ?? {};
    void host.handle("OTHER", {
      sessionId,
      stompCommand: "ACK",
      ackId,
      native: NativeHeaders.of(native),
    });
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

  it("ask a selector once for each message that waits, however often there is room", () => {
    for (let i = 0; i < 5_000; i++) host.publish("/queue/a", { native: NativeHeaders.of({ color: "red" }) });
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
