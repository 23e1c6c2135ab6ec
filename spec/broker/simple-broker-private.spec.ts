import { expect } from "chai";
import { NativeHeaders } from "express-stomp";
import { BrokerHost } from "../support/broker-host.js";

describe("SimpleBroker", () => {
  const host = new BrokerHost();

  beforeEach(async () => {
    host.start({ destinationPrefixes: ["/topic", "/queue/"] });
    await host.connect("alice");
    await host.connect("bob");
  });

  describe("when something is private to a session", () => {
    const PRIVATE = { privateTo: "alice" };

    function subscribePrivately(sessionId: string, subscriptionId: string, destination: string): void {
      void host.handle("SUBSCRIBE", { sessionId, subscriptionId, destination, privateTo: sessionId });
    }

    it("delivers it to private subscriptions of this session, whatever its prefixes are", () => {
      subscribePrivately("alice", "1", "/user/queue/x");
      subscribePrivately("alice", "2", "/user/**");
      subscribePrivately("alice", "3", "/user/queue/y");
      subscribePrivately("bob", "1", "/user/queue/x");
      host.publish("/user/queue/x", PRIVATE);
      expect(host.deliveries()).to.have.members([
        "alice 1 /user/queue/x hello",
        "alice 2 /user/queue/x hello",
      ]);
    });

    it("delivers it to no public subscription, not even of this session", () => {
      for (const [id, destination] of ["/topic/a", "/topic/**"].entries()) {
        host.subscribe("alice", `${id}`, destination);
        host.subscribe("bob", `${id}`, destination);
      }
      host.publish("/topic/a", PRIVATE);
      expect(host.deliveries()).to.deep.equal([]);
    });

    it("delivers nothing public to private subscriptions", () => {
      subscribePrivately("alice", "1", "/topic/**");
      host.publish("/topic/a");
      expect(host.deliveries()).to.deep.equal([]);
    });

    it("shares ids and the limit of a session with its public subscriptions", () => {
      host.subscribe("alice", "1", "/topic/a");
      expect(host.refusal(() => subscribePrivately("alice", "1", "/user/queue/x"))).to.equal(
        "The subscription id 1 is in use",
      );
    });

    it("delivers nothing any more after UNSUBSCRIBE and DISCONNECT, also in the midst of it", async () => {
      for (const id of ["1", "2", "3"]) subscribePrivately("alice", id, "/user/queue/x");
      void host.handle("UNSUBSCRIBE", { subscriptionId: "1" });
      const stop = host.outbound.channel.subscribe({
        handle: () => void host.handle("DISCONNECT", { sessionId: "alice" }),
      });
      host.publish("/user/queue/x", PRIVATE);
      stop();
      await host.connect("alice");
      host.publish("/user/queue/x", PRIVATE);
      expect(host.deliveries()).to.deep.equal([]);
    });

    it("gives nothing that is retained to private subscriptions", async () => {
      host.start({ retainLast: ["/topic/**"] });
      await host.connect("alice");
      host.publish("/topic/a");
      subscribePrivately("alice", "1", "/topic/a");
      expect(host.deliveries()).to.deep.equal([]);
    });

    it("gives nothing of a queue to private subscriptions, not even when they have room again", async () => {
      host.start({ queuePrefixes: ["/q"] });
      await host.connect("alice");
      host.publish("/q/waits");
      void host.handle("SUBSCRIBE", {
        subscriptionId: "1",
        destination: "/q/**",
        privateTo: "alice",
        native: NativeHeaders.of({ ack: "client" }),
      });
      host.publish("/q/x", PRIVATE);
      void host.handle("OTHER", { stompCommand: "ACK", ackId: host.outbound.messages.at(-1)?.headers.ackId });
      expect(host.deliveries()).to.deep.equal(["alice 1 /q/x hello"]);
    });

    it("refuses a malformed pattern", () => {
      expect(host.refusal(() => subscribePrivately("alice", "1", "/user/{a"))).to.include(
        "is no destination here",
      );
    });
  });
});
