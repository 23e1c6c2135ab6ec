import { expect } from "chai";
import {
  type Broker,
  createMessage,
  type MessageHeaders,
  NativeHeaders,
  SubscribableChannel,
  simpleBroker,
} from "express-stomp";
import { parsePattern } from "#lib/destination/pattern.js";
import { EventPublisher } from "#lib/events.js";
import { Delivery } from "#lib/message/delivery.js";
import type { Message } from "#lib/message/message.js";
import { Dice } from "../../support/dice.js";
import { FakeTime } from "../../support/fake-time.js";
import { recordingLogger, settled } from "../../support/recording.js";

interface Sent {
  readonly id: string;
  readonly destination: string;
  readonly user: string | undefined;
}

/** A client that keeps its position, and believes nothing that it cannot check against what was sent. */
class Client {
  readonly user: string | undefined;
  readonly destination: string;
  readonly ack: string;
  readonly counts: { recovered: number; refused: number; replayed: number };
  session: string | undefined;
  position = "now";
  readonly #stage: Stage;
  readonly #pattern;
  #unacknowledged: string[] = [];
  #isTold = false;

  constructor(stage: Stage, destination: string, user: string | undefined, ack: string) {
    this.#stage = stage;
    this.destination = destination;
    this.user = user;
    this.ack = ack;
    this.#pattern = parsePattern(destination);
    this.counts = stage.counts;
  }

  /** All that it should hear. */
  hears({ destination, user }: Sent): boolean {
    const isPrivate = this.destination.startsWith("/user/");
    return this.#pattern.fits(destination) && (isPrivate ? user === this.user : user === undefined);
  }

  connect(session: string): void {
    this.session = session;
    this.#isTold = false;
    this.#unacknowledged = [];
    const user = this.user === undefined ? undefined : { name: this.user };
    this.#stage.handle("CONNECT", { sessionId: session, user });
    this.#stage.handle("SUBSCRIBE", {
      sessionId: session,
      subscriptionId: "1",
      destination: this.destination,
      user,
      ...(this.destination.startsWith("/user/") && { privateTo: session }),
      native: NativeHeaders.of({ since: this.position, ack: this.ack, "prefetch-count": 3 }),
    });
    expect(this.#isTold, "a marker").to.equal(true);
  }

  cut(): void {
    const { session = "" } = this;
    this.session = undefined;
    this.#stage.clients.delete(session);
    this.#stage.broker.sessionEnded?.({ sessionId: session, handled: undefined, settles: false });
    this.#stage.handle("DISCONNECT", { sessionId: session });
  }

  take({ headers }: Message): void {
    const { messageId: id = "", native, ackId } = headers;
    if (ackId !== undefined) this.#unacknowledged.push(ackId);
    const recovered = native.get("recovered");
    if (recovered === undefined) {
      expect(this.missing()[0]?.id, `of ${this.destination}, after ${this.position}`).to.equal(id);
      if (native.has("replayed")) this.counts.replayed++;
    } else if (recovered === "true") {
      this.counts.recovered++;
      if (this.position !== "now") expect(id).to.equal(this.position);
      else expect(id).to.equal(this.#stage.top);
    } else {
      this.counts.refused++;
      expect(id).to.equal(this.#stage.top);
    }
    this.#isTold = true;
    this.position = id;
  }

  /** What it should hear and has not heard. */
  missing(): readonly Sent[] {
    const { all } = this.#stage;
    const at = all.findIndex(({ id }) => id === this.position);
    return all.slice(at + 1).filter((each) => this.hears(each));
  }

  acknowledge(): void {
    const { session } = this;
    if (session === undefined) return;
    for (const ackId of this.#unacknowledged.splice(0)) {
      this.#stage.handle("OTHER", { sessionId: session, stompCommand: "ACK", ackId });
    }
  }

  get hasUnacknowledged(): boolean {
    return this.#unacknowledged.length > 0;
  }
}

/** One broker after the other, and all that the present one was sent. */
class Stage {
  readonly time = new FakeTime();
  readonly all: Sent[] = [];
  readonly counts = { recovered: 0, refused: 0, replayed: 0 };
  readonly clients = new Map<string, Client>();
  readonly #crowded = new Map<string, { readonly room: Promise<void>; make(): void }>();
  readonly #dice: Dice;
  broker!: Broker;
  fault: unknown;
  top = "";
  #prefix = "";

  constructor(dice: Dice) {
    this.#dice = dice;
  }

  async start(): Promise<void> {
    const logger = recordingLogger();
    const clientOutboundChannel = new SubscribableChannel("clientOutboundChannel", { logger });
    clientOutboundChannel.subscribe({
      handle: (message) => {
        if (!(message instanceof Delivery)) return;
        try {
          this.clients.get(message.sessionId)?.take(message);
        } catch (error) {
          // The broker would log it.
          this.fault ??= error;
        }
      },
    });
    const roll = (sides: number) => this.#dice.roll(sides);
    this.broker = simpleBroker({
      history: [
        { destinations: ["/topic/short/*"], size: 1 + roll(4), ttl: 30 + roll(100) },
        { destinations: ["/topic/**", "/user/queue/**"], size: 1 + roll(20), ttl: 50 + roll(500) },
      ],
      historySizeLimit: 5_000 + roll(40_000),
      replayLimit: 1 + roll(30),
    })({
      clientOutboundChannel,
      sessions: {
        end() {},
        room: (session) => this.#crowded.get(session)?.room,
        roomForLive: () => undefined,
        feed: (deliver) => void deliver(),
      },
      events: new EventPublisher(logger),
      logger,
      clock: this.time,
    });
    const { position = "" } = (await this.broker.history?.("/topic/a", {})) ?? {};
    this.top = position;
    this.#prefix = position.slice(0, -1);
    this.all.length = 0;
  }

  handle(messageType: MessageHeaders["messageType"], headers: Partial<MessageHeaders>, body = ""): void {
    expect(this.broker.handle(createMessage(Buffer.from(body), { messageType, ...headers }))).to.equal(
      undefined,
    );
  }

  publish(destination: string, user: string | undefined): void {
    this.top = `${this.#prefix}${this.all.length + 1}`;
    this.all.push({ id: this.top, destination, user });
    const sessions = [...this.clients.values()].filter((each) => each.user === user);
    const sessionIds = sessions.flatMap(({ session }) => session ?? []);
    this.handle(
      "MESSAGE",
      { destination, ...(user !== undefined && { forUser: { name: user, sessionIds } }) },
      "x".repeat(this.#dice.roll(500)),
    );
  }

  /** @throws what a client has found wrong */
  check(): void {
    if (this.fault) throw this.fault;
  }

  crowd(session: string): void {
    if (this.#crowded.has(session)) return;
    let make = () => {};
    const room = new Promise<void>((resolve) => {
      make = resolve;
    });
    this.#crowded.set(session, { room, make });
  }

  async makeRoom(session: string): Promise<void> {
    const crowded = this.#crowded.get(session);
    this.#crowded.delete(session);
    crowded?.make();
    await settled();
    this.check();
  }
}

describe("SimpleBroker's history, beside all that was sent", () => {
  it("gives each client everything once and in order from its position on, or tells it that it cannot", async function () {
    this.timeout(120_000);
    const sums = { recovered: 0, refused: 0, replayed: 0 };
    for (let seed = 1; seed <= 40; seed++) {
      const dice = new Dice(seed * 6_700_417);
      const stage = new Stage(dice);
      await stage.start();
      const destinations = ["/topic/a", "/topic/b/1", "/topic/short/1", "/topic/short/2"];
      const wanted = [
        ...destinations,
        "/topic/*",
        "/topic/short/*",
        "/topic/**",
        "/user/queue/a",
        "/user/queue/*",
      ];
      const clients = wanted.flatMap((destination) =>
        ["auto", "client", "client-individual"].map((ack) => {
          const user = destination.startsWith("/user/") ? dice.of(["rod", "joe"]) : undefined;
          return new Client(stage, destination, user, ack);
        }),
      );
      let sessions = 0;
      for (let step = 0; step < 400; step++) {
        const client = dice.of(clients);
        const { session } = client;
        switch (dice.roll(12)) {
          case 0:
          case 1:
            if (session === undefined) {
              const name = `session-${++sessions}`;
              stage.clients.set(name, client);
              if (dice.roll(2) === 0) stage.crowd(name);
              client.connect(name);
            }
            break;
          case 2:
            if (session !== undefined) client.cut();
            break;
          case 3:
            if (session !== undefined) stage.crowd(session);
            break;
          case 4:
            if (session !== undefined) await stage.makeRoom(session);
            break;
          case 5:
            client.acknowledge();
            break;
          case 6:
            if (dice.roll(10) === 0) stage.time.stall(dice.roll(600));
            else stage.time.pass(dice.roll(30));
            break;
          case 7:
            if (dice.roll(40) > 0) break;
            for (const each of clients) if (each.session !== undefined) each.cut();
            await stage.broker.close();
            await stage.start();
            break;
          default:
            if (dice.roll(4) === 0)
              stage.publish(dice.of(["/user/queue/a", "/user/queue/b"]), dice.of(["rod", "joe"]));
            else stage.publish(dice.of(destinations), undefined);
        }
      }
      for (const client of clients) {
        if (client.session === undefined) continue;
        await stage.makeRoom(client.session);
        while (client.hasUnacknowledged) client.acknowledge();
        expect(client.missing(), `seed ${seed}: ${client.destination} ${client.ack}`).to.deep.equal([]);
      }
      for (const name of ["recovered", "refused", "replayed"] as const) sums[name] += stage.counts[name];
      await stage.broker.close();
      expect(stage.time.waiting).to.equal(0);
    }
    for (const name of ["recovered", "refused", "replayed"] as const)
      expect(sums[name], name).to.be.above(100);
  });
});
