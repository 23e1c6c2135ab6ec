import { expect } from "chai";
import {
  type BrokerContext,
  createMessage,
  type MessageHeaders,
  NativeHeaders,
  type SimpleBrokerOptions,
  SubscribableChannel,
} from "express-stomp";
import type { Found, HistoryQuestion, HistoryStore } from "#lib/broker/history/history-store.js";
import { MemoryHistory } from "#lib/broker/history/memory-history.js";
import { SimpleBroker } from "#lib/broker/simple-broker.js";
import { checkSimpleBrokerOptions } from "#lib/broker/simple-broker-options.js";
import { EventPublisher } from "#lib/events.js";
import { Delivery } from "#lib/message/delivery.js";
import type { Message } from "#lib/message/message.js";
import { MessageEncoder } from "#lib/session/message-encoder.js";
import { FakeTime } from "../../support/fake-time.js";
import { recordingLogger, settled } from "../../support/recording.js";

const ROOM = "/topic/room/7";

/** A history that answers when it is told to, of what is in another log. */
class RemoteStore implements HistoryStore {
  restart(): void {}

  readonly memory = new MemoryHistory({
    boundsOf: () => ({ size: 100, ttl: 60_000 }),
    destinationLimit: 100,
    sizeLimit: 1024 * 1024,
    shortestTtl: 60_000,
    clock: new FakeTime(),
  });
  /** Whether the next question is one for the log. */
  isRemote = true;
  answer: (how?: "fails") => void = () => {};

  keep(...args: Parameters<HistoryStore["keep"]>): boolean {
    return this.memory.keep(...args);
  }

  find(question: HistoryQuestion): Found | Promise<Found> {
    const found = this.memory.find(question);
    if (!this.isRemote) return found;
    this.isRemote = false;
    return new Promise((resolve, reject) => {
      this.answer = (how) => (how === "fails" ? reject(new Error("the log is away")) : resolve(found));
    });
  }

  close(): void {
    this.memory.close();
  }
}

describe("Replays", () => {
  let broker: SimpleBroker;
  let deliveries: Message[];

  function start(store?: HistoryStore, options: SimpleBrokerOptions = {}): void {
    const logger = recordingLogger();
    const clientOutboundChannel = new SubscribableChannel("clientOutboundChannel", { logger });
    deliveries = [];
    clientOutboundChannel.subscribe({
      handle: (message) => void (message instanceof Delivery && deliveries.push(message)),
    });
    const context: BrokerContext = {
      clientOutboundChannel,
      sessions: {
        end() {},
        room: () => undefined,
        roomForLive: () => undefined,
        feed: (deliver) => void deliver(),
      },
      events: new EventPublisher(logger),
      logger,
    };
    const history = { destinations: ["/topic/room/*"], size: 100, ttl: 60_000 };
    broker = new SimpleBroker(
      checkSimpleBrokerOptions({ history, ...options }),
      context,
      store ? { store } : {},
    );
  }

  function handle(messageType: MessageHeaders["messageType"], headers: Partial<MessageHeaders>, body = "") {
    return broker.handle(createMessage(Buffer.from(body), { messageType, ...headers }));
  }

  const publish = (body: string) => void handle("MESSAGE", { destination: ROOM }, body);

  function subscribe(sessionId: string, native: object, subscriptionId = "1") {
    void handle("CONNECT", { sessionId });
    return handle("SUBSCRIBE", {
      sessionId,
      subscriptionId,
      destination: ROOM,
      native: NativeHeaders.of({ ...native }),
    });
  }

  /** What was delivered since this was last asked. */
  function told(): string[] {
    return deliveries.splice(0).map(({ headers: { native, sessionId }, payload }) => {
      const what = native.get("recovered") ?? `${native.has("replayed") ? "↩" : ""}${Buffer.from(payload)}`;
      return `${sessionId} ${what}`;
    });
  }

  afterEach(() => broker.close());

  it("are the same objects for all who come back in one turn, and are encoded once for each version", async () => {
    start();
    for (const body of ["a", "b", "c"]) publish(body);
    for (const session of ["alice", "bob", "carol"]) void subscribe(session, { since: "first" });
    const encoder = new MessageEncoder();
    const encoded = new Map<string, Set<object>>();
    for (const delivery of deliveries) {
      const body = Buffer.from(delivery.payload).toString();
      if (body !== "")
        encoded.set(body, (encoded.get(body) ?? new Set()).add(encoder.encode(delivery, "1.2")));
    }
    expect([...encoded].map(([body, made]) => [body, made.size])).to.deep.equal([
      ["a", 1],
      ["b", 1],
      ["c", 1],
    ]);
    expect([...(encoded.get("a") ?? [])].map(String)).to.have.length(1);
    const before = encoder.encode(deliveries[1] as Message, "1.2");
    await settled();
    expect(encoder.encode(deliveries[1] as Message, "1.2"), "remembered for a turn").not.to.equal(before);
  });

  it("wait for a history that answers later, and RECEIPT with them; what is sent meanwhile comes behind", async () => {
    const store = new RemoteStore();
    start(store);
    for (const body of ["a", "b"]) publish(body);
    let isHandled = false;
    const handled = Promise.resolve(subscribe("alice", { since: "first" })).then(() => {
      isHandled = true;
    });
    publish("c");
    await settled();
    expect([told(), isHandled]).to.deep.equal([[], false]);
    store.answer();
    await handled;
    expect(told()).to.deep.equal(["alice true", "alice ↩a", "alice ↩b", "alice c"]);
    publish("d");
    expect(told()).to.deep.equal(["alice d"]);
  });

  it("go on when a history answers later in the middle", async () => {
    const store = new RemoteStore();
    start(store);
    publish("a");
    store.isRemote = false;
    const { find } = store;
    let asked = 0;
    store.find = (question) => {
      store.isRemote = ++asked === 2;
      return find.call(store, question);
    };
    void subscribe("alice", { since: "first" });
    publish("b");
    expect(told()).to.deep.equal(["alice true", "alice ↩a"]);
    store.answer();
    await settled();
    expect(told()).to.deep.equal(["alice b"]);
    publish("c");
    expect(told()).to.deep.equal(["alice c"]);
  });

  it("are refused when a history cannot answer, and lose nothing that is live", async () => {
    const store = new RemoteStore();
    start(store);
    publish("a");
    const handled = subscribe("alice", { since: "first" });
    publish("b");
    store.answer("fails");
    await handled;
    expect(told()).to.deep.equal(["alice false"]);
    publish("c");
    expect(told()).to.deep.equal(["alice c"]);
  });

  const RETAINED = { retainLast: ["/topic/room/*"] };

  it("are followed by the retained message when a history cannot answer, which may have been missed", async () => {
    const store = new RemoteStore();
    start(store, RETAINED);
    publish("a");
    const handled = subscribe("alice", { since: "first" });
    publish("b");
    store.answer("fails");
    await handled;
    expect(told()).to.deep.equal(["alice false", "alice b"]);
    publish("c");
    expect(told()).to.deep.equal(["alice c"]);
  });

  it("are followed by the retained message when they fail in the middle, and by none when they are whole", async () => {
    const store = new RemoteStore();
    start(store, RETAINED);
    publish("a");
    store.isRemote = false;
    void subscribe("bob", { since: "first" });
    expect(told()).to.deep.equal(["bob true", "bob ↩a"]);
    const { find } = store;
    let asked = 0;
    store.find = (question) => {
      store.isRemote = ++asked === 2;
      return find.call(store, question);
    };
    void subscribe("alice", { since: "first" });
    publish("b");
    expect(told()).to.deep.equal(["alice true", "alice ↩a", "bob b"]);
    store.answer("fails");
    await settled();
    expect(told()).to.deep.equal(["alice false", "alice b"]);
    publish("c");
    expect(told()).to.have.members(["alice c", "bob c"]);
  });

  it("are nothing to who has left when the history answers", async () => {
    const store = new RemoteStore();
    start(store);
    publish("a");
    const handled = subscribe("alice", { since: "first" });
    void handle("UNSUBSCRIBE", { sessionId: "alice", subscriptionId: "1" });
    store.answer();
    await handled;
    expect(told()).to.deep.equal([]);
  });

  it("are none to the fan-out once they are over: a subscriber without demands is plain again", () => {
    start();
    publish("a");
    void subscribe("alice", { since: "first" });
    void subscribe("alice", { since: "now" }, "2");
    void subscribe("alice", {}, "3");
    told();
    publish("b");
    expect(told()).to.deep.equal(["alice b", "alice b", "alice b"]);
  });
});
