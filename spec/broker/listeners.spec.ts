import { expect } from "chai";
import { BrokerHost } from "../support/broker-host.js";
import { countOperations } from "../support/count-operations.js";

describe("Listeners of the simple broker", () => {
  const host = new BrokerHost();

  beforeEach(async () => {
    host.start();
    for (const id of ["a", "b"]) await host.connect(id);
  });

  /** Who hears a message to a destination. */
  function listeners(destination: string): string[] {
    host.outbound.messages.length = 0;
    host.publish(destination);
    return host.outbound.messages.map(({ headers }) => `${headers.sessionId} ${headers.subscriptionId}`);
  }

  it("are found by destination and by pattern", () => {
    host.subscribe("a", "1", "/topic/x");
    host.subscribe("a", "2", "/topic/*");
    host.subscribe("b", "1", "/topic/x");
    expect(listeners("/topic/x")).to.have.members(["a 1", "a 2", "b 1"]);
    expect(listeners("/topic/y")).to.deep.equal(["a 2"]);
  });

  it("are the first of two subscriptions with one id, in each session", () => {
    host.subscribe("a", "1", "/topic/x");
    expect(host.refusal(() => host.subscribe("a", "1", "/topic/y"))).to.equal(
      "The subscription id 1 is in use",
    );
    host.subscribe("b", "1", "/topic/y");
    expect(listeners("/topic/x")).to.deep.equal(["a 1"]);
    expect(listeners("/topic/y")).to.deep.equal(["b 1"]);
  });

  it("leave one by one, and give their ids free", () => {
    host.subscribe("a", "1", "/topic/x");
    host.subscribe("a", "2", "/topic/x");
    void host.handle("UNSUBSCRIBE", { sessionId: "a", subscriptionId: "1" });
    expect(listeners("/topic/x")).to.deep.equal(["a 2"]);
    host.subscribe("a", "1", "/topic/x");
    expect(listeners("/topic/x")).to.deep.equal(["a 2", "a 1"]);
  });

  it("are not touched by what ends others, or nobody", () => {
    host.subscribe("a", "1", "/topic/x");
    for (const [sessionId, subscriptionId] of [
      ["a", "2"],
      ["b", "1"],
      ["nobody", "1"],
    ] as const) {
      void host.handle("UNSUBSCRIBE", { sessionId, subscriptionId });
    }
    void host.handle("DISCONNECT", { sessionId: "nobody" });
    host.broker.sessionEnded?.({ sessionId: "nobody", handled: undefined, settles: false });
    expect(listeners("/topic/x")).to.deep.equal(["a 1"]);
  });

  for (const how of ["DISCONNECT", "the session's end"]) {
    it(`leave with all they had at ${how}, and nobody else does`, () => {
      for (const destination of ["/topic/x", "/topic/*", "/**"])
        host.subscribe("a", destination, destination);
      host.subscribe("b", "1", "/topic/*");
      if (how === "DISCONNECT") void host.handle("DISCONNECT", { sessionId: "a" });
      else host.broker.sessionEnded?.({ sessionId: "a", handled: undefined, settles: false });
      expect(listeners("/topic/x")).to.deep.equal(["b 1"]);
      expect(host.broker.hasSubscription("a", "/**")).to.equal(false);
      expect(host.refusal(() => host.subscribe("a", "1", "/topic/x"))).to.equal(
        "Only a connected session can subscribe",
      );
    });
  }

  it("stay when their session connects again", async () => {
    host.subscribe("a", "1", "/topic/x");
    await host.connect("a");
    expect(listeners("/topic/x")).to.deep.equal(["a 1"]);
    void host.handle("DISCONNECT", { sessionId: "a" });
    expect(listeners("/topic/x")).to.deep.equal([]);
  });

  it("keep names of Object.prototype apart", async () => {
    for (const name of ["__proto__", "constructor"]) {
      expect(host.broker.hasSubscription(name, "__proto__")).to.equal(false);
      await host.connect(name);
      host.subscribe(name, "__proto__", name);
      expect(host.refusal(() => host.subscribe(name, "__proto__", name))).to.include("is in use");
      expect(listeners(name)).to.deep.equal([`${name} __proto__`]);
      void host.handle("DISCONNECT", { sessionId: name });
      expect(listeners(name)).to.deep.equal([]);
    }
  });

  it("are found with the same work after many have come and gone", async () => {
    const search = () => countOperations(() => host.publish("/topic/x/y"));
    const churn = async (n: number) => {
      for (let i = 0; i < n; i++) {
        await host.connect(`s${i}`);
        for (const destination of [`/topic/${i}`, `/topic/*${i}/y`, "/topic/x/{y}"]) {
          host.subscribe(`s${i}`, destination, destination);
        }
        void host.handle("DISCONNECT", { sessionId: `s${i}` });
      }
    };
    await churn(1);
    const before = search();
    await churn(5000);
    expect(search()).to.equal(before);
  });
});
