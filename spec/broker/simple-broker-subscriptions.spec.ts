import { expect } from "chai";
import { BrokerHost } from "../support/broker-host.js";

describe("SimpleBroker", () => {
  const host = new BrokerHost();

  beforeEach(async () => {
    host.start({ destinationPrefixes: ["/topic", "/queue/"] });
    await host.connect("alice");
    await host.connect("bob");
  });

  describe("when a client subscribes", () => {
    it("takes destinations under its prefixes, and ignores all others", () => {
      const destinations = [
        "/topic",
        "/topicality",
        "/topic.a",
        "/queue/a",
        "/queue",
        "/pub/a",
        "/*/a",
        "/**",
      ];
      for (const [i, destination] of destinations.entries()) host.subscribe("alice", `${i}`, destination);
      for (const destination of ["/topic", "/topicality", "/topic.a", "/queue/a", "/queue", "/pub/a"])
        host.publish(destination);
      expect(host.deliveries()).to.deep.equal([
        "alice 0 /topic hello",
        "alice 2 /topic.a hello",
        "alice 3 /queue/a hello",
      ]);
    });

    it("takes every destination when it has no prefixes", async () => {
      host.start();
      await host.connect("alice");
      host.subscribe("alice", "1", "/pub/a");
      host.subscribe("alice", "2", "no/slash");
      for (const destination of ["/pub/a", "no/slash"]) host.publish(destination);
      expect(host.deliveries()).to.deep.equal(["alice 1 /pub/a hello", "alice 2 no/slash hello"]);
    });

    it("refuses an id that is in use, and leaves its subscription as it is", () => {
      host.subscribe("alice", "1", "/topic/a");
      const text = host.refusal(() => host.subscribe("alice", "1", "/topic/b"));
      expect(text).to.equal("The subscription id 1 is in use");
      for (const destination of ["/topic/a", "/topic/b"]) host.publish(destination);
      expect(host.deliveries()).to.deep.equal(["alice 1 /topic/a hello"]);
    });

    it("refuses one without an id", () => {
      expect(host.refusal(() => host.handle("SUBSCRIBE", { destination: "/topic/a" }))).to.equal(
        "A subscription needs an id",
      );
    });

    it("takes at most 100 patterns of a session for which a destination has to be looked through", () => {
      const searching = ["/topic/*a*", "/queue/{a}-?{b}/c", "/**/a/**"];
      for (let i = 0; i < 99; i++) {
        host.subscribe("alice", `${i}`, `/topic${searching[i % 3]}/${i}`);
        for (const plain of ["a", "*", "*a", "a?*", "**/a*", "{b}/*c"]) {
          host.subscribe("alice", `${plain} ${i}`, `/topic/${plain}/${i}`);
        }
      }
      host.subscribe("alice", "last", "/topic/*last*");
      for (const [i, pattern] of searching.entries()) {
        expect(host.refusal(() => host.subscribe("alice", `more ${i}`, `/topic${pattern}`))).to.equal(
          "Session passes patternSearchLimit: 100",
        );
      }
      host.subscribe("bob", "1", "/topic/*z*");
      host.publish("/topic/last");
      expect(host.deliveries()).to.deep.equal(["alice last /topic/last hello"]);
    });

    it("refuses a malformed pattern, and says why on one line", () => {
      const text = host.refusal(() => host.subscribe("alice", "1", "/topic/{a\n"));
      expect(text).to.equal(
        "/topic/{a\\u000a is no destination here: The braces of a pattern must be balanced, without a separator inside",
      );
      expect(host.refusal(() => host.subscribe("alice", "1", "/topic/{a:.*}"))).to.include(
        "regular expression",
      );
      expect(host.refusal(() => host.subscribe("alice", "1", `/topic/*${"a".repeat(300)}`))).to.include(
        "at most 256",
      );
    });

    it("refuses an ack mode that there is not", () => {
      const text = host.refusal(() => host.subscribe("alice", "2", "/topic/a", { ack: "nonsense" }));
      expect(text).to.equal("The ack mode nonsense is unknown");
      host.subscribe("alice", "1", "/topic/a", { ack: "auto" });
      host.publish("/topic/a");
      expect(host.deliveries()).to.deep.equal(["alice 1 /topic/a hello"]);
    });

    it("refuses more than the limit, for each session, and takes one again when one is gone", async () => {
      host.start({ subscriptionLimit: 2 });
      await host.connect("alice");
      await host.connect("bob");
      for (const id of ["1", "2"]) host.subscribe("alice", id, "/topic/a");
      expect(host.refusal(() => host.subscribe("alice", "3", "/topic/a"))).to.equal(
        "Session passes subscriptionLimit: 2",
      );
      host.subscribe("bob", "1", "/topic/a");

      void host.handle("UNSUBSCRIBE", { subscriptionId: "1" });
      host.subscribe("alice", "3", "/topic/a");
      host.publish("/topic/a");
      expect(host.deliveries()).to.have.length(3);
    });

    it("takes 1,000 subscriptions of a session by default", () => {
      for (let i = 0; i < 1000; i++) host.subscribe("alice", `${i}`, "/topic/a");
      expect(host.refusal(() => host.subscribe("alice", "1000", "/topic/a"))).to.include(
        "subscriptionLimit: 1000",
      );
    });

    it("takes names of Object.prototype as ids and destinations", async () => {
      host.start();
      await host.connect("__proto__");
      for (const name of ["__proto__", "constructor", "toString"]) host.subscribe("__proto__", name, name);
      for (const name of ["__proto__", "constructor", "hasOwnProperty"]) host.publish(name);
      expect(host.deliveries()).to.deep.equal([
        "__proto__ __proto__ __proto__ hello",
        "__proto__ constructor constructor hello",
      ]);
    });
  });

  it("says which subscriptions it delivers to", () => {
    host.subscribe("alice", "1", "/topic/a");
    host.subscribe("alice", "2", "/pub/a");
    const has = ["1", "2", "3"].map((id) => host.broker.hasSubscription("alice", id));
    expect([...has, host.broker.hasSubscription("nobody", "1")]).to.deep.equal([true, false, false, false]);
  });

  describe("when a client unsubscribes", () => {
    it("delivers nothing to that subscription any more", () => {
      for (const id of ["1", "2"]) host.subscribe("alice", id, "/topic/a");
      void host.handle("UNSUBSCRIBE", { subscriptionId: "1" });
      host.publish("/topic/a");
      expect(host.deliveries()).to.deep.equal(["alice 2 /topic/a hello"]);
    });

    it("is silent about an id that is unknown, missing or another's", () => {
      host.subscribe("bob", "1", "/topic/a");
      void host.handle("UNSUBSCRIBE", { subscriptionId: "1" });
      void host.handle("UNSUBSCRIBE", { subscriptionId: "nonsense" });
      void host.handle("UNSUBSCRIBE");
      host.publish("/topic/a");
      expect(host.deliveries()).to.deep.equal(["bob 1 /topic/a hello"]);
    });
  });

  describe("when a client disconnects", () => {
    it("removes all it subscribed to, answers nothing, and leaves the others alone", () => {
      for (const [id, destination] of ["/topic/a", "/topic/*", "/topic/**"].entries()) {
        host.subscribe("alice", `${id}`, destination);
      }
      host.subscribe("bob", "1", "/topic/a");
      void host.handle("DISCONNECT");
      host.publish("/topic/a");
      expect(host.deliveries()).to.deep.equal(["bob 1 /topic/a hello"]);
    });

    it("is content with a session it never knew", () => {
      expect(host.handle("DISCONNECT", { sessionId: "nobody" })).to.equal(undefined);
    });

    it("refuses to subscribe for it afterwards", () => {
      void host.handle("DISCONNECT");
      expect(host.refusal(() => host.subscribe("alice", "1", "/topic/a"))).to.equal(
        "Only a connected session can subscribe",
      );
      host.publish("/topic/a");
      expect(host.deliveries()).to.deep.equal([]);
    });
  });
});
