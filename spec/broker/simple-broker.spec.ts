import { expect } from "chai";
import {
  createMessage,
  type Message,
  MessagingError,
  NativeHeaders,
  SimpMessagingTemplate,
  SubscribableChannel,
  simpleBroker,
} from "express-stomp";
import { EventPublisher } from "#lib/events.js";
import { CompositeMessageConverter } from "#lib/message/converters.js";
import { Delivery } from "#lib/message/delivery.js";
import { BrokerHost } from "../support/broker-host.js";
import { rejection } from "../support/channels.js";
import { recordingLogger, settled } from "../support/recording.js";

const NOTHING = new Uint8Array(0);

describe("SimpleBroker", () => {
  const host = new BrokerHost();

  beforeEach(async () => {
    host.start({ destinationPrefixes: ["/topic", "/queue/"] });
    await host.connect("alice");
    await host.connect("bob");
  });

  describe("when dots separate", () => {
    beforeEach(async () => {
      host.start({ retainLast: ["/topic/kept.*"] }, ".");
      await host.connect("alice");
    });

    it("matches patterns segment by segment at dots", () => {
      host.subscribe("alice", "one", "/topic/price.*");
      host.subscribe("alice", "all", "/topic/price.**");
      host.subscribe("alice", "exact", "/topic/price.a");
      for (const destination of ["/topic/price.a", "/topic/price.a.b", "/topic/price", "/topic/price/a"]) {
        host.publish(destination);
      }
      expect(host.deliveries().sort()).to.deep.equal([
        "alice all /topic/price hello",
        "alice all /topic/price.a hello",
        "alice all /topic/price.a.b hello",
        "alice exact /topic/price.a hello",
        "alice one /topic/price.a hello",
      ]);
    });

    it("reads its own patterns so, too", () => {
      for (const destination of ["/topic/kept.a", "/topic/kept.a.b", "/topic/kept/a"])
        host.publish(destination);
      host.subscribe("alice", "1", "**");
      expect(host.deliveries()).to.deep.equal(["alice 1 /topic/kept.a hello"]);
    });

    it("reads private subscriptions so, and keeps them apart", () => {
      const privately = { privateTo: "alice", native: NativeHeaders.EMPTY };
      void host.handle("SUBSCRIBE", {
        subscriptionId: "p",
        destination: "/user/queue/price.*",
        ...privately,
      });
      host.subscribe("alice", "1", "**");
      host.publish("/user/queue/price.a", { privateTo: "alice" });
      host.publish("/user/queue/price.a.b", { privateTo: "alice" });
      expect(host.deliveries()).to.deep.equal(["alice p /user/queue/price.a hello"]);
    });

    it("counts the segments that dots make", () => {
      expect(host.refusal(() => host.subscribe("alice", "1", ".a".repeat(64)))).to.include(
        "at most 64 segments",
      );
      expect(host.refusal(() => host.publish(".a".repeat(64)))).to.include("at most 64 segments");
      host.subscribe("alice", "1", "/a".repeat(64));
      host.publish("/a".repeat(64));
      expect(host.deliveries()).to.have.length(1);
    });
  });

  describe("when a client connects", () => {
    it("answers CONNECT_ACK with the session, its user and the heart-beat", () => {
      const user = { name: "carol" };
      expect(host.handle("CONNECT", { sessionId: "carol", user })).to.equal(undefined);
      expect(host.outbound.messages).to.have.length(1);
      const { payload, headers } = host.outbound.messages[0] as Message;
      expect(payload).to.have.length(0);
      expect({ ...headers }).to.deep.equal({
        messageType: "CONNECT_ACK",
        sessionId: "carol",
        user,
        heartbeat: [10_000, 10_000],
        native: NativeHeaders.EMPTY,
      });
    });

    it("offers the heart-beat it was given", async () => {
      host.start({ heartbeatValue: [0, 5000] });
      await host.handle("CONNECT");
      expect(host.outbound.messages[0]?.headers.heartbeat).to.deep.equal([0, 5000]);
    });

    it("is done when the answer was sent, also when that takes time", async () => {
      let pass = () => {};
      const gate = new Promise<void>((resolve) => {
        pass = resolve;
      });
      host.outbound.channel.addInterceptor({ preSend: (message) => gate.then(() => message) });
      let done = false;
      const handled = Promise.resolve(host.handle("CONNECT")).then(() => {
        done = true;
      });
      await settled();
      expect(done).to.equal(false);

      pass();
      await handled;
      expect(host.outbound.messages).to.have.length(1);
    });

    it("refuses when an interceptor stops the answer", async () => {
      host.outbound.channel.addInterceptor({ preSend: () => null });
      const error = await rejection(() => host.handle("CONNECT"));
      expect(error).to.be.instanceOf(MessagingError);
      expect(error).to.have.property("publicMessage", "The connection was refused");
    });
  });

  describe("when a message is published", () => {
    it("delivers it once for each subscription that fits", () => {
      host.subscribe("alice", "1", "/topic/a");
      host.subscribe("alice", "2", "/topic/a");
      host.subscribe("bob", "1", "/topic/*");
      host.subscribe("bob", "2", "/topic/b");
      host.publish("/topic/a");
      expect(host.deliveries()).to.have.members([
        "alice 1 /topic/a hello",
        "alice 2 /topic/a hello",
        "bob 1 /topic/a hello",
      ]);
    });

    it("delivers in the order of publishing", () => {
      host.subscribe("alice", "1", "/topic/**");
      for (let i = 0; i < 20; i++) host.publish(`/topic/${i % 3}`, {}, String(i));
      expect(host.outbound.messages.map(({ payload }) => Number(Buffer.from(payload)))).to.deep.equal(
        Array.from({ length: 20 }, (_, i) => i),
      );
    });

    it("shares one publication among all deliveries, with an id of its own", () => {
      host.subscribe("alice", "1", "/topic/a");
      host.subscribe("bob", "1", "/topic/a");
      host.publish("/topic/a");
      host.publish("/topic/a");
      const publications = host.outbound.messages.map((message) => (message as Delivery).publication);
      expect(host.outbound.messages.every((message) => message instanceof Delivery)).to.equal(true);
      expect(new Set(publications).size).to.equal(2);
      expect(publications[0]).to.equal(publications[1]);

      const ids = [...new Set(publications)].map(({ headers }) => headers.messageId as string);
      expect(new Set(ids).size).to.equal(2);
      for (const id of ids) expect(id).to.match(/^[\w-]{12,}$/);
    });

    it("does not repeat the message ids of another broker", async () => {
      const ids = new Set<string | undefined>();
      for (let i = 0; i < 3; i++) {
        host.start();
        await host.connect("alice");
        host.subscribe("alice", "1", "/topic/a");
        host.publish("/topic/a");
        ids.add(host.outbound.messages[0]?.headers.messageId);
      }
      expect(ids).to.have.property("size", 3);
    });

    it("passes on payload, content type and native headers, and nothing of the publisher", () => {
      const native = NativeHeaders.of([
        ["foo", "1"],
        ["foo", "2"],
      ]);
      host.subscribe("bob", "1", "/topic/a");
      host.publish("/topic/a", {
        sessionId: "alice",
        subscriptionId: "mine",
        user: { name: "alice" },
        sessionAttributes: new Map([["secret", 1]]),
        contentType: "text/plain",
        native,
      });
      const { subscription, ...headers } = { ...host.outbound.messages[0]?.headers };
      expect(subscription?.gone).to.equal(false);
      expect(JSON.stringify(subscription)).to.equal("{}");
      expect(headers.messageId).to.be.a("string");
      expect({ ...headers, messageId: "id" }).to.deep.equal({
        messageType: "MESSAGE",
        destination: "/topic/a",
        contentType: "text/plain",
        messageId: "id",
        native,
        sessionId: "bob",
        subscriptionId: "1",
      });
      expect({ ...(host.outbound.messages[0] as Delivery).publication.headers }).not.to.have.any.keys(
        "sessionId",
        "user",
        "sessionAttributes",
        "subscriptionId",
      );
    });

    it("delivers to its own publisher too", () => {
      host.subscribe("alice", "1", "/topic/a");
      host.publish("/topic/a", { sessionId: "alice" });
      expect(host.deliveries()).to.deep.equal(["alice 1 /topic/a hello"]);
    });

    it("delivers what the application sends by brokerChannel", async () => {
      const brokerChannel = new SubscribableChannel("brokerChannel", { logger: host.logger });
      brokerChannel.subscribe(host.broker);
      host.subscribe("alice", "1", "/topic/a");
      const template = new SimpMessagingTemplate(brokerChannel, new CompositeMessageConverter());
      await template.convertAndSend("/topic/a", { text: "안녕" });
      expect(host.deliveries()).to.deep.equal(['alice 1 /topic/a {"text":"안녕"}']);
      expect(host.outbound.messages[0]?.headers.contentType).to.equal("application/json");
    });

    it("takes wildcards in its destination as text", () => {
      host.subscribe("alice", "1", "/topic/a");
      host.subscribe("alice", "2", "/topic/*");
      host.publish("/topic/*");
      expect(host.deliveries()).to.deep.equal(["alice 2 /topic/* hello"]);
    });

    it("is content when nobody listens", () => {
      host.publish("/topic/a");
      expect(host.deliveries()).to.deep.equal([]);
    });

    it("refuses a destination that is too long, and one with too many segments", () => {
      expect(host.refusal(() => host.publish(`/topic/${"a".repeat(2000)}`))).to.include(
        "at most 1024 characters",
      );
      expect(host.refusal(() => host.publish(`/topic${"/a".repeat(100)}`))).to.include("at most 64 segments");
    });
  });

  describe("when a delivery fails", () => {
    beforeEach(() => {
      for (const id of ["1", "2", "3"]) host.subscribe(id === "2" ? "bob" : "alice", id, "/topic/a");
    });

    it("logs one that throws, and hurts neither the others nor the publisher", () => {
      host.outbound.channel.subscribe({
        handle({ headers }) {
          if (headers.sessionId === "bob") throw new Error("socket is gone");
        },
      });
      host.publish("/topic/a");
      expect(host.deliveries()).to.have.length(3);
      expect(host.logger.lines).to.have.length(1);
      expect(host.logger.lines[0]).to.match(/^error .*subscription 2 of session bob.*socket is gone/);
    });

    it("logs one that rejects, and hurts neither the others nor the publisher", async () => {
      host.outbound.channel.addInterceptor({
        async preSend(message) {
          if (message.headers.sessionId === "bob") throw new Error("no");
          return message;
        },
      });
      host.publish("/topic/a");
      await settled();
      expect(host.deliveries()).to.have.members(["alice 1 /topic/a hello", "alice 3 /topic/a hello"]);
      expect(host.logger.lines).to.have.length(1);
      expect(host.logger.lines[0]).to.match(/^error .*subscription 2 of session bob/);
    });

    it("is silent about one that an interceptor stopped", async () => {
      host.outbound.channel.addInterceptor({ preSend: () => null });
      host.publish("/topic/a");
      await settled();
      expect(host.deliveries()).to.deep.equal([]);
      expect(host.logger.lines).to.deep.equal([]);
    });

    it("does not let the publisher wait for slow ones", () => {
      host.outbound.channel.addInterceptor({ preSend: () => new Promise(() => {}) });
      expect(host.broker.handle(createMessage(NOTHING, { destination: "/topic/a" }))).to.equal(undefined);
    });

    it("leaves out those who are gone by the time of their turn", () => {
      host.outbound.channel.subscribe({
        handle: () => void host.handle("DISCONNECT", { sessionId: "alice" }),
      });
      host.publish("/topic/a");
      expect(host.deliveries()).to.deep.equal(["alice 1 /topic/a hello", "bob 2 /topic/a hello"]);
    });
  });

  it("delivers to nobody once it is closed", () => {
    host.subscribe("alice", "1", "/topic/a");
    void host.broker.close();
    host.publish("/topic/a");
    expect(host.deliveries()).to.deep.equal([]);
  });

  it("says that it is available, once listeners may have come, and at its end that it is not", async () => {
    const events = new EventPublisher(recordingLogger());
    const heard: boolean[] = [];
    const own = simpleBroker()({
      clientOutboundChannel: host.outbound.channel,
      sessions: {
        end() {},
        room: () => undefined,
        roomForLive: () => undefined,
        feed: (deliver) => void deliver(),
      },
      events,
      logger: recordingLogger(),
    });
    events.on("brokerAvailability", ({ isAvailable }) => void heard.push(isAvailable, own.isAvailable));
    await settled();
    own.start?.();
    await own.close();
    await own.close();
    expect(heard).to.deep.equal([true, true, false, false]);
  });
});
