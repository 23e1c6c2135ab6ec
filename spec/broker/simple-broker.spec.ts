import { expect } from "chai";
import {
  type Broker,
  createMessage,
  type Message,
  MessageDeliveryError,
  type MessageHeaders,
  MessagingError,
  NativeHeaders,
  type SimpleBrokerOptions,
  SimpMessagingTemplate,
  SubscribableChannel,
  simpleBroker,
} from "express-stomp";
import { EventPublisher } from "#lib/events.js";
import { CompositeMessageConverter } from "#lib/message/converters.js";
import { Delivery } from "#lib/message/delivery.js";
import { recordingChannel, recordingLogger, settled } from "../support/recording.js";

const NOTHING = new Uint8Array(0);

describe("SimpleBroker", () => {
  let broker: Broker;
  let outbound: ReturnType<typeof recordingChannel>;
  let logger: ReturnType<typeof recordingLogger>;

  function start(options?: SimpleBrokerOptions, destinationSeparator?: "/" | "."): void {
    outbound = recordingChannel();
    logger = recordingLogger();
    broker = simpleBroker(options)({
      clientOutboundChannel: outbound.channel,
      sessions: { end() {}, room: () => undefined },
      events: new EventPublisher(logger),
      logger,
      ...(destinationSeparator && { destinationSeparator }),
    });
  }

  function handle(messageType: MessageHeaders["messageType"], headers: Partial<MessageHeaders> = {}) {
    return broker.handle(createMessage(NOTHING, { messageType, sessionId: "alice", ...headers }));
  }

  /** Connects a session and forgets the answer. */
  async function connect(sessionId: string): Promise<void> {
    await handle("CONNECT", { sessionId });
    outbound.messages.length = 0;
  }

  function subscribe(sessionId: string, subscriptionId: string, destination: string, native = {}): void {
    void handle("SUBSCRIBE", { sessionId, subscriptionId, destination, native: NativeHeaders.of(native) });
  }

  function publish(destination: string, headers: Partial<MessageHeaders> = {}, payload = "hello"): void {
    void broker.handle(createMessage(Buffer.from(payload), { destination, ...headers }));
  }

  function deliveries(): string[] {
    return outbound.messages.map(({ headers, payload }) => {
      return `${headers.sessionId} ${headers.subscriptionId} ${headers.destination} ${Buffer.from(payload)}`;
    });
  }

  /** What a client reads when the broker refuses. */
  function refusal(act: () => unknown): string | undefined {
    try {
      act();
    } catch (error) {
      expect(error).to.be.instanceOf(MessagingError);
      return (error as MessageDeliveryError).publicMessage;
    }
    throw new Error("nothing was refused");
  }

  beforeEach(async () => {
    start({ destinationPrefixes: ["/topic", "/queue/"] });
    await connect("alice");
    await connect("bob");
  });

  describe("when dots separate", () => {
    beforeEach(async () => {
      start({ retainLast: ["/topic/kept.*"] }, ".");
      await connect("alice");
    });

    it("matches patterns segment by segment at dots", () => {
      subscribe("alice", "one", "/topic/price.*");
      subscribe("alice", "all", "/topic/price.**");
      subscribe("alice", "exact", "/topic/price.a");
      for (const destination of ["/topic/price.a", "/topic/price.a.b", "/topic/price", "/topic/price/a"]) {
        publish(destination);
      }
      expect(deliveries().sort()).to.deep.equal([
        "alice all /topic/price hello",
        "alice all /topic/price.a hello",
        "alice all /topic/price.a.b hello",
        "alice exact /topic/price.a hello",
        "alice one /topic/price.a hello",
      ]);
    });

    it("reads its own patterns so, too", () => {
      for (const destination of ["/topic/kept.a", "/topic/kept.a.b", "/topic/kept/a"]) publish(destination);
      subscribe("alice", "1", "**");
      expect(deliveries()).to.deep.equal(["alice 1 /topic/kept.a hello"]);
    });

    it("reads private subscriptions so, and keeps them apart", () => {
      const privately = { privateTo: "alice", native: NativeHeaders.EMPTY };
      void handle("SUBSCRIBE", { subscriptionId: "p", destination: "/user/queue/price.*", ...privately });
      subscribe("alice", "1", "**");
      publish("/user/queue/price.a", { privateTo: "alice" });
      publish("/user/queue/price.a.b", { privateTo: "alice" });
      expect(deliveries()).to.deep.equal(["alice p /user/queue/price.a hello"]);
    });

    it("counts the segments that dots make", () => {
      expect(refusal(() => subscribe("alice", "1", ".a".repeat(64)))).to.include("at most 64 segments");
      expect(refusal(() => publish(".a".repeat(64)))).to.include("at most 64 segments");
      subscribe("alice", "1", "/a".repeat(64));
      publish("/a".repeat(64));
      expect(deliveries()).to.have.length(1);
    });
  });

  describe("when a client connects", () => {
    it("answers CONNECT_ACK with the session, its user and the heart-beat", () => {
      const user = { name: "carol" };
      expect(handle("CONNECT", { sessionId: "carol", user })).to.equal(undefined);
      expect(outbound.messages).to.have.length(1);
      const { payload, headers } = outbound.messages[0] as Message;
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
      start({ heartbeatValue: [0, 5000] });
      await handle("CONNECT");
      expect(outbound.messages[0]?.headers.heartbeat).to.deep.equal([0, 5000]);
    });

    it("is done when the answer was sent, also when that takes time", async () => {
      let pass = () => {};
      const gate = new Promise<void>((resolve) => {
        pass = resolve;
      });
      outbound.channel.addInterceptor({ preSend: (message) => gate.then(() => message) });
      let done = false;
      const handled = Promise.resolve(handle("CONNECT")).then(() => {
        done = true;
      });
      await settled();
      expect(done).to.equal(false);

      pass();
      await handled;
      expect(outbound.messages).to.have.length(1);
    });

    it("refuses when an interceptor stops the answer", async () => {
      outbound.channel.addInterceptor({ preSend: () => null });
      const error = await Promise.resolve(handle("CONNECT")).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect(error).to.be.instanceOf(MessagingError);
      expect(error).to.have.property("publicMessage", "The connection was refused");
    });
  });

  describe("when a message is published", () => {
    it("delivers it once for each subscription that fits", () => {
      subscribe("alice", "1", "/topic/a");
      subscribe("alice", "2", "/topic/a");
      subscribe("bob", "1", "/topic/*");
      subscribe("bob", "2", "/topic/b");
      publish("/topic/a");
      expect(deliveries()).to.have.members([
        "alice 1 /topic/a hello",
        "alice 2 /topic/a hello",
        "bob 1 /topic/a hello",
      ]);
    });

    it("delivers in the order of publishing", () => {
      subscribe("alice", "1", "/topic/**");
      for (let i = 0; i < 20; i++) publish(`/topic/${i % 3}`, {}, String(i));
      expect(outbound.messages.map(({ payload }) => Number(Buffer.from(payload)))).to.deep.equal(
        Array.from({ length: 20 }, (_, i) => i),
      );
    });

    it("shares one publication among all deliveries, with an id of its own", () => {
      subscribe("alice", "1", "/topic/a");
      subscribe("bob", "1", "/topic/a");
      publish("/topic/a");
      publish("/topic/a");
      const publications = outbound.messages.map((message) => (message as Delivery).publication);
      expect(outbound.messages.every((message) => message instanceof Delivery)).to.equal(true);
      expect(new Set(publications).size).to.equal(2);
      expect(publications[0]).to.equal(publications[1]);

      const ids = [...new Set(publications)].map(({ headers }) => headers.messageId as string);
      expect(new Set(ids).size).to.equal(2);
      for (const id of ids) expect(id).to.match(/^[\w-]{12,}$/);
    });

    it("does not repeat the message ids of another broker", async () => {
      const ids = new Set<string | undefined>();
      for (let i = 0; i < 3; i++) {
        start();
        await connect("alice");
        subscribe("alice", "1", "/topic/a");
        publish("/topic/a");
        ids.add(outbound.messages[0]?.headers.messageId);
      }
      expect(ids).to.have.property("size", 3);
    });

    it("passes on payload, content type and native headers, and nothing of the publisher", () => {
      const native = NativeHeaders.of([
        ["foo", "1"],
        ["foo", "2"],
      ]);
      subscribe("bob", "1", "/topic/a");
      publish("/topic/a", {
        sessionId: "alice",
        subscriptionId: "mine",
        user: { name: "alice" },
        sessionAttributes: new Map([["secret", 1]]),
        contentType: "text/plain",
        native,
      });
      const headers = { ...outbound.messages[0]?.headers };
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
      expect({ ...(outbound.messages[0] as Delivery).publication.headers }).not.to.have.any.keys(
        "sessionId",
        "user",
        "sessionAttributes",
        "subscriptionId",
      );
    });

    it("delivers to its own publisher too", () => {
      subscribe("alice", "1", "/topic/a");
      publish("/topic/a", { sessionId: "alice" });
      expect(deliveries()).to.deep.equal(["alice 1 /topic/a hello"]);
    });

    it("delivers what the application sends by brokerChannel", async () => {
      const brokerChannel = new SubscribableChannel("brokerChannel", { logger });
      brokerChannel.subscribe(broker);
      subscribe("alice", "1", "/topic/a");
      const template = new SimpMessagingTemplate(brokerChannel, new CompositeMessageConverter());
      await template.convertAndSend("/topic/a", { text: "안녕" });
      expect(deliveries()).to.deep.equal(['alice 1 /topic/a {"text":"안녕"}']);
      expect(outbound.messages[0]?.headers.contentType).to.equal("application/json");
    });

    it("takes wildcards in its destination as text", () => {
      subscribe("alice", "1", "/topic/a");
      subscribe("alice", "2", "/topic/*");
      publish("/topic/*");
      expect(deliveries()).to.deep.equal(["alice 2 /topic/* hello"]);
    });

    it("is content when nobody listens", () => {
      publish("/topic/a");
      expect(deliveries()).to.deep.equal([]);
    });

    it("refuses a destination that is too long, and one with too many segments", () => {
      expect(refusal(() => publish(`/topic/${"a".repeat(2000)}`))).to.include("at most 1024 characters");
      expect(refusal(() => publish(`/topic${"/a".repeat(100)}`))).to.include("at most 64 segments");
    });
  });

  describe("when a delivery fails", () => {
    beforeEach(() => {
      for (const id of ["1", "2", "3"]) subscribe(id === "2" ? "bob" : "alice", id, "/topic/a");
    });

    it("logs one that throws, and hurts neither the others nor the publisher", () => {
      outbound.channel.subscribe({
        handle({ headers }) {
          if (headers.sessionId === "bob") throw new Error("socket is gone");
        },
      });
      publish("/topic/a");
      expect(deliveries()).to.have.length(3);
      expect(logger.lines).to.have.length(1);
      expect(logger.lines[0]).to.match(/^error .*subscription 2 of session bob.*socket is gone/);
    });

    it("logs one that rejects, and hurts neither the others nor the publisher", async () => {
      outbound.channel.addInterceptor({
        async preSend(message) {
          if (message.headers.sessionId === "bob") throw new Error("no");
          return message;
        },
      });
      publish("/topic/a");
      await settled();
      expect(deliveries()).to.have.members(["alice 1 /topic/a hello", "alice 3 /topic/a hello"]);
      expect(logger.lines).to.have.length(1);
      expect(logger.lines[0]).to.match(/^error .*subscription 2 of session bob/);
    });

    it("is silent about one that an interceptor stopped", async () => {
      outbound.channel.addInterceptor({ preSend: () => null });
      publish("/topic/a");
      await settled();
      expect(deliveries()).to.deep.equal([]);
      expect(logger.lines).to.deep.equal([]);
    });

    it("does not let the publisher wait for slow ones", () => {
      outbound.channel.addInterceptor({ preSend: () => new Promise(() => {}) });
      expect(broker.handle(createMessage(NOTHING, { destination: "/topic/a" }))).to.equal(undefined);
    });

    it("leaves out those who are gone by the time of their turn", () => {
      outbound.channel.subscribe({ handle: () => void handle("DISCONNECT", { sessionId: "alice" }) });
      publish("/topic/a");
      expect(deliveries()).to.deep.equal(["alice 1 /topic/a hello", "bob 2 /topic/a hello"]);
    });
  });

  describe("when a client subscribes", () => {
    it("takes destinations that start with its prefixes, and ignores all others", () => {
      const destinations = ["/topic", "/topicality", "/queue/a", "/queue", "/pub/a", "/*/a", "/**"];
      for (const [i, destination] of destinations.entries()) subscribe("alice", `${i}`, destination);
      for (const destination of ["/topic", "/topicality", "/queue/a", "/queue", "/pub/a"])
        publish(destination);
      expect(deliveries()).to.deep.equal([
        "alice 0 /topic hello",
        "alice 1 /topicality hello",
        "alice 2 /queue/a hello",
      ]);
    });

    it("takes every destination when it has no prefixes", async () => {
      start();
      await connect("alice");
      subscribe("alice", "1", "/pub/a");
      subscribe("alice", "2", "no/slash");
      for (const destination of ["/pub/a", "no/slash"]) publish(destination);
      expect(deliveries()).to.deep.equal(["alice 1 /pub/a hello", "alice 2 no/slash hello"]);
    });

    it("refuses an id that is in use, and leaves its subscription as it is", () => {
      subscribe("alice", "1", "/topic/a");
      const text = refusal(() => subscribe("alice", "1", "/topic/b"));
      expect(text).to.equal("The subscription id 1 is in use");
      for (const destination of ["/topic/a", "/topic/b"]) publish(destination);
      expect(deliveries()).to.deep.equal(["alice 1 /topic/a hello"]);
    });

    it("refuses one without an id", () => {
      expect(refusal(() => handle("SUBSCRIBE", { destination: "/topic/a" }))).to.equal(
        "A subscription needs an id",
      );
    });

    it("refuses a malformed pattern, and says why on one line", () => {
      const text = refusal(() => subscribe("alice", "1", "/topic/{a\n"));
      expect(text).to.equal(
        "/topic/{a\\u000a is no destination here: The braces of a pattern must be balanced, without a separator inside",
      );
      expect(refusal(() => subscribe("alice", "1", "/topic/{a:.*}"))).to.include("regular expression");
      expect(refusal(() => subscribe("alice", "1", `/topic/*${"a".repeat(300)}`))).to.include("at most 256");
    });

    it("refuses an ack mode that there is not", () => {
      const text = refusal(() => subscribe("alice", "2", "/topic/a", { ack: "nonsense" }));
      expect(text).to.equal("The ack mode nonsense is unknown");
      subscribe("alice", "1", "/topic/a", { ack: "auto" });
      publish("/topic/a");
      expect(deliveries()).to.deep.equal(["alice 1 /topic/a hello"]);
    });

    it("refuses more than the limit, for each session, and takes one again when one is gone", async () => {
      start({ subscriptionLimit: 2 });
      await connect("alice");
      await connect("bob");
      for (const id of ["1", "2"]) subscribe("alice", id, "/topic/a");
      expect(refusal(() => subscribe("alice", "3", "/topic/a"))).to.equal(
        "Session passes subscriptionLimit: 2",
      );
      subscribe("bob", "1", "/topic/a");

      void handle("UNSUBSCRIBE", { subscriptionId: "1" });
      subscribe("alice", "3", "/topic/a");
      publish("/topic/a");
      expect(deliveries()).to.have.length(3);
    });

    it("takes 1,000 subscriptions of a session by default", () => {
      for (let i = 0; i < 1000; i++) subscribe("alice", `${i}`, "/topic/a");
      expect(refusal(() => subscribe("alice", "1000", "/topic/a"))).to.include("subscriptionLimit: 1000");
    });

    it("takes names of Object.prototype as ids and destinations", async () => {
      start();
      await connect("__proto__");
      for (const name of ["__proto__", "constructor", "toString"]) subscribe("__proto__", name, name);
      for (const name of ["__proto__", "constructor", "hasOwnProperty"]) publish(name);
      expect(deliveries()).to.deep.equal([
        "__proto__ __proto__ __proto__ hello",
        "__proto__ constructor constructor hello",
      ]);
    });
  });

  describe("when something is private to a session", () => {
    const PRIVATE = { privateTo: "alice" };

    function subscribePrivately(sessionId: string, subscriptionId: string, destination: string): void {
      void handle("SUBSCRIBE", { sessionId, subscriptionId, destination, privateTo: sessionId });
    }

    it("delivers it to private subscriptions of this session, whatever its prefixes are", () => {
      subscribePrivately("alice", "1", "/user/queue/x");
      subscribePrivately("alice", "2", "/user/**");
      subscribePrivately("alice", "3", "/user/queue/y");
      subscribePrivately("bob", "1", "/user/queue/x");
      publish("/user/queue/x", PRIVATE);
      expect(deliveries()).to.have.members(["alice 1 /user/queue/x hello", "alice 2 /user/queue/x hello"]);
    });

    it("delivers it to no public subscription, not even of this session", () => {
      for (const [id, destination] of ["/topic/a", "/topic/**"].entries()) {
        subscribe("alice", `${id}`, destination);
        subscribe("bob", `${id}`, destination);
      }
      publish("/topic/a", PRIVATE);
      expect(deliveries()).to.deep.equal([]);
    });

    it("delivers nothing public to private subscriptions", () => {
      subscribePrivately("alice", "1", "/topic/**");
      publish("/topic/a");
      expect(deliveries()).to.deep.equal([]);
    });

    it("shares ids and the limit of a session with its public subscriptions", () => {
      subscribe("alice", "1", "/topic/a");
      expect(refusal(() => subscribePrivately("alice", "1", "/user/queue/x"))).to.equal(
        "The subscription id 1 is in use",
      );
    });

    it("delivers nothing any more after UNSUBSCRIBE and DISCONNECT, also in the midst of it", async () => {
      for (const id of ["1", "2", "3"]) subscribePrivately("alice", id, "/user/queue/x");
      void handle("UNSUBSCRIBE", { subscriptionId: "1" });
      const stop = outbound.channel.subscribe({
        handle: () => void handle("DISCONNECT", { sessionId: "alice" }),
      });
      publish("/user/queue/x", PRIVATE);
      stop();
      await connect("alice");
      publish("/user/queue/x", PRIVATE);
      expect(deliveries()).to.deep.equal([]);
    });

    it("gives nothing that is retained to private subscriptions", async () => {
      start({ retainLast: ["/topic/**"] });
      await connect("alice");
      publish("/topic/a");
      subscribePrivately("alice", "1", "/topic/a");
      expect(deliveries()).to.deep.equal([]);
    });

    it("gives nothing of a queue to private subscriptions, not even when they have room again", async () => {
      start({ queuePrefixes: ["/q"] });
      await connect("alice");
      publish("/q/waits");
      void handle("SUBSCRIBE", {
        subscriptionId: "1",
        destination: "/q/**",
        privateTo: "alice",
        native: NativeHeaders.of({ ack: "client" }),
      });
      publish("/q/x", PRIVATE);
      void handle("OTHER", { stompCommand: "ACK", ackId: outbound.messages.at(-1)?.headers.ackId });
      expect(deliveries()).to.deep.equal(["alice 1 /q/x hello"]);
    });

    it("refuses a malformed pattern", () => {
      expect(refusal(() => subscribePrivately("alice", "1", "/user/{a"))).to.include(
        "is no destination here",
      );
    });
  });

  it("says which subscriptions it delivers to", () => {
    subscribe("alice", "1", "/topic/a");
    subscribe("alice", "2", "/pub/a");
    const has = ["1", "2", "3"].map((id) => broker.hasSubscription("alice", id));
    expect([...has, broker.hasSubscription("nobody", "1")]).to.deep.equal([true, false, false, false]);
  });

  describe("when a client unsubscribes", () => {
    it("delivers nothing to that subscription any more", () => {
      for (const id of ["1", "2"]) subscribe("alice", id, "/topic/a");
      void handle("UNSUBSCRIBE", { subscriptionId: "1" });
      publish("/topic/a");
      expect(deliveries()).to.deep.equal(["alice 2 /topic/a hello"]);
    });

    it("is silent about an id that is unknown, missing or another's", () => {
      subscribe("bob", "1", "/topic/a");
      void handle("UNSUBSCRIBE", { subscriptionId: "1" });
      void handle("UNSUBSCRIBE", { subscriptionId: "nonsense" });
      void handle("UNSUBSCRIBE");
      publish("/topic/a");
      expect(deliveries()).to.deep.equal(["bob 1 /topic/a hello"]);
    });
  });

  describe("when a client disconnects", () => {
    it("removes all it subscribed to, answers nothing, and leaves the others alone", () => {
      for (const [id, destination] of ["/topic/a", "/topic/*", "/topic/**"].entries()) {
        subscribe("alice", `${id}`, destination);
      }
      subscribe("bob", "1", "/topic/a");
      void handle("DISCONNECT");
      publish("/topic/a");
      expect(deliveries()).to.deep.equal(["bob 1 /topic/a hello"]);
    });

    it("is content with a session it never knew", () => {
      expect(handle("DISCONNECT", { sessionId: "nobody" })).to.equal(undefined);
    });

    it("refuses to subscribe for it afterwards", () => {
      void handle("DISCONNECT");
      expect(refusal(() => subscribe("alice", "1", "/topic/a"))).to.equal(
        "Only a connected session can subscribe",
      );
      publish("/topic/a");
      expect(deliveries()).to.deep.equal([]);
    });
  });

  it("delivers to nobody once it is closed", () => {
    subscribe("alice", "1", "/topic/a");
    void broker.close();
    publish("/topic/a");
    expect(deliveries()).to.deep.equal([]);
  });
});
