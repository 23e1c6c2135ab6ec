import { expect } from "chai";
import { Subscription, SubscriptionRegistry } from "#lib/broker/subscription-registry.js";
import { parsePattern } from "#lib/destination/pattern.js";
import { countOperations } from "../support/count-operations.js";

function subscription(sessionId: string, id: string, destination: string): Subscription {
  return new Subscription({ sessionId, id, pattern: parsePattern(destination) });
}

function listeners(registry: SubscriptionRegistry, destination: string): string[] {
  const all = registry.listeners(destination).flatMap((group) => [...group]);
  return all.map(({ sessionId, id }) => `${sessionId} ${id}`);
}

describe("SubscriptionRegistry", () => {
  let registry: SubscriptionRegistry;

  beforeEach(() => {
    registry = new SubscriptionRegistry();
    for (const id of ["a", "b"]) registry.addSession(id);
  });

  it("finds who listens, by destination and by pattern", () => {
    registry.add(subscription("a", "1", "/topic/x"));
    registry.add(subscription("a", "2", "/topic/*"));
    registry.add(subscription("b", "1", "/topic/x"));
    expect(listeners(registry, "/topic/x")).to.have.members(["a 1", "a 2", "b 1"]);
    expect(listeners(registry, "/topic/y")).to.deep.equal(["a 2"]);
  });

  it("keeps the first of two subscriptions with one id, for each session", () => {
    expect(registry.add(subscription("a", "1", "/topic/x"))).to.equal(true);
    expect(registry.add(subscription("a", "1", "/topic/y"))).to.equal(false);
    expect(registry.add(subscription("b", "1", "/topic/y"))).to.equal(true);
    expect(listeners(registry, "/topic/x")).to.deep.equal(["a 1"]);
    expect(listeners(registry, "/topic/y")).to.deep.equal(["b 1"]);
  });

  it("removes one subscription, and gives its id free", () => {
    registry.add(subscription("a", "1", "/topic/x"));
    registry.add(subscription("a", "2", "/topic/x"));
    registry.remove("a", "1");
    expect(listeners(registry, "/topic/x")).to.deep.equal(["a 2"]);
    expect(registry.add(subscription("a", "1", "/topic/x"))).to.equal(true);
  });

  it("does not mind removing what is not there", () => {
    registry.add(subscription("a", "1", "/topic/x"));
    registry.remove("a", "2");
    registry.remove("b", "1");
    registry.remove("nobody", "1");
    registry.removeSession("nobody");
    expect(listeners(registry, "/topic/x")).to.deep.equal(["a 1"]);
  });

  it("removes a session with all it had, and nobody else's", () => {
    for (const destination of ["/topic/x", "/topic/*", "/**"]) {
      registry.add(subscription("a", destination, destination));
    }
    registry.add(subscription("b", "1", "/topic/*"));
    registry.removeSession("a");
    expect(listeners(registry, "/topic/x")).to.deep.equal(["b 1"]);
    expect(registry.ofSession("a")).to.equal(undefined);
  });

  it("adds nothing for a session that is not there", () => {
    registry.removeSession("a");
    expect(registry.add(subscription("a", "1", "/topic/x"))).to.equal(false);
    expect(listeners(registry, "/topic/x")).to.deep.equal([]);
  });

  it("keeps a session's subscriptions when it is added again", () => {
    registry.add(subscription("a", "1", "/topic/x"));
    registry.addSession("a");
    registry.removeSession("a");
    expect(listeners(registry, "/topic/x")).to.deep.equal([]);
  });

  it("keeps names of Object.prototype apart", () => {
    for (const name of ["__proto__", "constructor"]) {
      expect(registry.ofSession(name)).to.equal(undefined);
      registry.addSession(name);
      expect(registry.add(subscription(name, "__proto__", name))).to.equal(true);
      expect(registry.add(subscription(name, "__proto__", name))).to.equal(false);
      expect(listeners(registry, name)).to.deep.equal([`${name} __proto__`]);
      registry.removeSession(name);
      expect(listeners(registry, name)).to.deep.equal([]);
    }
  });

  it("does the same work after many have come and gone", () => {
    const search = () => countOperations(() => registry.listeners("/topic/x/y"));
    const churn = (n: number) => {
      for (let i = 0; i < n; i++) {
        registry.addSession(`s${i}`);
        for (const destination of [`/topic/${i}`, `/topic/*${i}/y`, "/topic/x/{y}"]) {
          registry.add(subscription(`s${i}`, destination, destination));
        }
        registry.removeSession(`s${i}`);
      }
    };
    churn(1);
    const before = search();
    churn(5000);
    expect(search()).to.equal(before);
  });
});
