import { context, propagation, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { expect } from "chai";
import { Controller, MessageMapping, Payload, SimpMessagingTemplate, type TappedFrame } from "express-stomp";
import { openTelemetry } from "express-stomp/opentelemetry";
import { prometheus } from "express-stomp/prometheus";
import { type Beside, PairStage } from "../../support/pair-stage.js";

const BESIDES: readonly Beside[] = ["two servers", "the relay", "SockJS", "rules"];
const ROOM = "/topic/open/room";
const TRACE = "0af7651916cd43dd8448eb211c80319c";
const PARENT = "b7ad6b7169203331";

/** Says to the room what it is told, when the gate is open. */
@Controller()
class Room {
  static gate: Promise<void> | undefined;

  constructor(private readonly template: SimpMessagingTemplate) {}

  @MessageMapping("/say")
  async say(@Payload() text: string): Promise<void> {
    await Room.gate;
    await this.template.convertAndSend(ROOM, text);
  }

  @MessageMapping("/heard")
  heard(): void {
    trace.getTracer("spec");
  }
}

/** Holds all calls up until it is opened. */
function shut(): () => void {
  let open = () => {};
  Room.gate = new Promise((resolve) => {
    open = resolve;
  });
  return open;
}

const controllers = { options: () => ({ controllers: [Room] }) };

describe("Seen from outside, in pairs", () => {
  let stage: PairStage;

  afterEach(async () => {
    Room.gate = undefined;
    await stage.close();
  });

  for (const beside of BESIDES) {
    describe(`with ${beside}`, () => {
      it("stats() count each thing once, wherever it happens", async () => {
        stage = await PairStage.open(beside, controllers);
        const [rod, ann] = [await stage.connect("rod"), await stage.connect("ann", stage.here)];
        const room = await rod.subscribe(ROOM);
        await ann.send("/app/say", "hello");
        expect(await room.next()).to.equal("hello");
        await rod.send("/topic/closed", "x").catch(() => {});

        expect(stage.sum(({ framesSentByCommand: { MESSAGE } }) => MESSAGE)).to.equal(1);
        expect(stage.sum(({ controllers: { calls } }) => calls)).to.equal(1);
        const transport = beside === "SockJS" ? "xhr-streaming" : "websocket";
        const left = beside === "rules" ? 1 : 2;
        await stage.until(() => stage.sum((stats) => stats.connections) === left);
        expect(stage.sum(({ connectionsByTransport }) => connectionsByTransport[transport])).to.equal(left);
        expect(stage.sum(({ sessionsEnded }) => sessionsEnded["1002"])).to.equal(2 - left);
        expect(stage.sum(({ relay }) => relay?.connections)).to.equal(beside === "the relay" ? 3 : 0);
      });

      it("a scrape has it with the patterns and codes alone", async () => {
        const metrics: ReturnType<typeof prometheus>[] = [];
        stage = await PairStage.open(beside, {
          options() {
            const observation = prometheus();
            metrics.push(observation);
            return { controllers: [Room], observation };
          },
        });
        const rod = await stage.connect();
        const room = await rod.subscribe(ROOM);
        await rod.send("/app/say", "hello");
        await room.next();
        const text = (await metrics.at(-1)?.registry.metrics()) ?? "";
        const transport = beside === "SockJS" ? "xhr-streaming" : "websocket";
        for (const line of [
          `express_stomp_connections{transport="${transport}"} 1`,
          'express_stomp_frames_sent_total{command="MESSAGE"} 1',
          'express_stomp_controller_duration_seconds_count{pattern="/app/say",outcome="ok"} 1',
          'express_stomp_publish_duration_seconds_count{outcome="ok"} 1',
        ])
          expect(text).to.include(line);
        expect(text).to.not.include("room");
      });

      it("a load balancer hears that the broker is lost, and a client stays", async () => {
        stage = await PairStage.open(beside, controllers);
        const rod = await stage.connect();
        expect(await stage.ready()).to.equal(200);
        const isLost = await stage.lose();
        expect(await stage.ready()).to.equal(isLost ? 503 : 200);
        expect(stage.there.messaging.health().status).to.equal(isLost ? "down" : "up");
        // A client of a relay had its own connection to the broker.
        if (beside !== "the relay") await rod.send("/app/heard");
        else expect(await rod.closed).to.include({ code: 1002 });
      });

      it("a tap shows what passes where users are, and each publication once", async () => {
        stage = await PairStage.open(beside, controllers);
        const [rod, ann] = [await stage.connect("rod"), await stage.connect("ann")];
        const rooms = [await rod.subscribe(ROOM), await ann.subscribe(ROOM)];
        const frames: TappedFrame[] = [];
        const end = stage.there.messaging.inspection.tap({ destination: "/topic/**" }, (frame) =>
          frames.push(frame),
        );
        await stage.here.messaging.template.convertAndSend(ROOM, "hello");
        for (const room of rooms) await room.next();
        await rod.send("/topic/closed", "x").catch(() => {});
        end();
        const seen = frames.map(({ from, command, destination, user }) =>
          [from, command, destination, user].join(" "),
        );
        // Over a relay each client has a connection, and a message, of its own.
        const copies = Array<string>(beside === "the relay" ? 2 : 1).fill(`server MESSAGE ${ROOM} `);
        expect(seen.filter((each) => each.startsWith("server MESSAGE"))).to.deep.equal(copies);
        expect(seen.filter((each) => each.startsWith("client"))).to.deep.equal([
          "client SEND /topic/closed rod",
        ]);
        const own = seen.filter((each) => each.startsWith("application"));
        expect(own).to.deep.equal(beside === "two servers" ? [] : [`application SEND ${ROOM} `]);
      });
    });
  }

  describe("with a trace", () => {
    const exporter = new InMemorySpanExporter();
    const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
    const observed = {
      options: () => ({
        controllers: [Room],
        observation: openTelemetry({ tracerProvider: provider }),
      }),
    };

    before(() => {
      context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
      propagation.setGlobalPropagator(new W3CTraceContextPropagator());
    });

    beforeEach(() => exporter.reset());

    after(() => {
      context.disable();
      propagation.disable();
    });

    /** Each span as its name and that of its parent. */
    function tree(): string[] {
      const spans = exporter.getFinishedSpans();
      for (const span of spans) expect(span.spanContext().traceId).to.equal(TRACE);
      const nameOf = (id: string | undefined) =>
        id === PARENT ? "client" : spans.find((span) => span.spanContext().spanId === id)?.name;
      return spans.map((span) => `${span.name} < ${nameOf(span.parentSpanContext?.spanId)}`).toSorted();
    }

    for (const beside of BESIDES) {
      it(`it is one from a client over the application to another client's controller, with ${beside}`, async () => {
        stage = await PairStage.open(beside, observed);
        const [browser, worker] = [await stage.connect("ann", stage.here), await stage.connect("rod")];
        const room = await worker.subscribe(ROOM);
        await browser.send("/app/say", "hello", { traceparent: `00-${TRACE}-${PARENT}-01` });
        const { headers } = await room.message();
        await worker.send("/app/heard", "", { traceparent: headers.traceparent ?? "" });
        expect(tree()).to.deep.equal([
          "process /app/heard < send /topic",
          "process /app/say < client",
          "send /topic < process /app/say",
        ]);
      });
    }

    it("a call that close waits for ends its span, and what it sends is of its trace", async () => {
      stage = await PairStage.open(undefined, observed);
      const rod = await stage.connect();
      const room = await rod.subscribe(ROOM);
      const open = shut();
      const sent = rod.send("/app/say", "hello", { traceparent: `00-${TRACE}-${PARENT}-01` });
      await stage.until(() => stage.sum(({ controllers: { calls } }) => calls) === 1);
      const closed = stage.there.messaging.close();
      open();
      await Promise.all([sent, closed]);
      expect((await room.message()).headers.traceparent).to.include(TRACE);
      expect(tree()).to.deep.equal(["process /app/say < client", "send /topic < process /app/say"]);
    });
  });

  describe("with a drain", () => {
    /** Begins to close while a call is at work. */
    async function draining(options: Parameters<typeof PairStage.open>[1] = controllers) {
      stage = await PairStage.open(undefined, options);
      const rod = await stage.connect();
      const room = await rod.subscribe(ROOM);
      const open = shut();
      const sent = rod.send("/app/say", "hello");
      await stage.until(() => stage.sum(({ controllers: { working } }) => working) === 1);
      const closed = stage.there.messaging.close();
      return { rod, room, open, sent, closed };
    }

    it("stats() tell what is at work still, and then how all has ended", async () => {
      const { open, sent, closed } = await draining();
      const { messaging } = stage.there;
      expect(messaging.stats()).to.include({ sessions: 1, connections: 1 });
      open();
      await Promise.all([sent, closed]);
      const { sessions, sessionsEnded, framesSentByCommand } = messaging.stats();
      expect([sessions, sessionsEnded["1001"], framesSentByCommand.MESSAGE]).to.deep.equal([0, 1, 1]);
    });

    it("a scrape is answered until all has ended", async () => {
      const metrics = prometheus();
      const options = () => ({ controllers: [Room], observation: metrics });
      const { open, sent, closed } = await draining({ options });
      expect(await metrics.registry.metrics()).to.include("express_stomp_controller_working 1\n");
      open();
      await Promise.all([sent, closed]);
      const after = await metrics.registry.metrics();
      expect(after).to.not.include("express_stomp_sessions");
      expect(after).to.include('controller_duration_seconds_count{pattern="/app/say",outcome="ok"} 1');
    });

    it("a load balancer hears of it at once, while clients are served", async () => {
      const { room, open, sent, closed } = await draining();
      expect(await stage.ready()).to.equal(503);
      open();
      await sent;
      expect(await room.next()).to.equal("hello");
      await closed;
      expect(stage.there.messaging.health().status).to.equal("closing");
    });

    it("a tap shows the last frames", async () => {
      const { open, sent, closed, rod } = await draining();
      const frames: string[] = [];
      stage.there.messaging.inspection.tap({ sessionId: rod.sessionId }, ({ command }) =>
        frames.push(command),
      );
      open();
      await Promise.all([sent, closed]);
      expect(frames).to.deep.equal(["MESSAGE", "RECEIPT"]);
    });
  });
});
