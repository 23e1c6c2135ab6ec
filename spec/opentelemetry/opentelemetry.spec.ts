import { context, propagation, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from "@opentelemetry/core";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { expect } from "chai";
import {
  Controller,
  MessageExceptionHandler,
  MessageMapping,
  Scope,
  SendTo,
  SimpMessagingTemplate,
  type StompMessagingOptions,
  SubscribeMapping,
  stompBrokerRelay,
} from "express-stomp";
import { type OpenTelemetryOptions, openTelemetry } from "express-stomp/opentelemetry";
import { RawClient } from "../support/raw-client.js";
import { ScriptedBroker } from "../support/scripted-broker.js";
import { startServer, type TestServer } from "../support/server.js";
import { untilAvailable } from "../support/until-available.js";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const PARENT = "b7ad6b7169203331";
const TRACEPARENT = `00-${TRACE}-${PARENT}-01`;

class Taken extends Error {}

@Controller()
class TracedController {
  static tracer = trace.getTracer("spec");

  constructor(private readonly template: SimpMessagingTemplate) {}

  static query(): void {
    TracedController.tracer.startSpan("SELECT").end();
  }

  @MessageMapping("/room/{id}")
  async room() {
    await new Promise((resolve) => setImmediate(resolve));
    TracedController.query();
    await this.template.convertAndSend("/topic/room/7", "hello");
  }

  @MessageMapping("/reply")
  @SendTo("/topic/reply")
  reply() {
    return "reply";
  }

  @MessageMapping("/stream")
  @SendTo("/topic/stream")
  async *stream() {
    for (let element = 0; element < 2; element++) {
      await new Promise((resolve) => setImmediate(resolve));
      yield element;
    }
  }

  @SubscribeMapping("/state")
  state() {
    return "state";
  }

  @MessageMapping("/fails")
  fails() {
    throw new TypeError("no");
  }

  @MessageMapping("/taken")
  taken() {
    throw new Taken("no");
  }

  @MessageExceptionHandler(Taken)
  take() {
    TracedController.query();
  }

  @MessageMapping("/hangs")
  async hangs() {
    await new Promise((resolve) => setTimeout(resolve, 50));
    TracedController.query();
  }

  @MessageMapping("/user")
  async user() {
    await this.template.convertAndSendToUser("rod", "/queue/notes", "hello");
  }
}

@Controller()
@Scope("websocket")
class ScopedController {
  @MessageMapping("/scoped")
  async scoped() {
    await null;
    TracedController.query();
  }
}

describe("express-stomp/opentelemetry", () => {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const servers: TestServer[] = [];
  const clients: RawClient[] = [];

  before(() => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    propagation.setGlobalPropagator(
      new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] }),
    );
    TracedController.tracer = provider.getTracer("spec");
  });

  after(() => {
    context.disable();
    propagation.disable();
  });

  async function start(given: OpenTelemetryOptions = {}, options: Partial<StompMessagingOptions> = {}) {
    exporter.reset();
    const server = await startServer({
      controllers: [TracedController, ScopedController],
      observation: openTelemetry({ tracerProvider: provider, ...given }),
      ...options,
    });
    servers.push(server);
    return server;
  }

  async function connect({ port }: TestServer): Promise<RawClient> {
    const client = await RawClient.connect(port);
    clients.push(client);
    return client;
  }

  const send = async (client: RawClient, destination: string, headers = `traceparent:${TRACEPARENT}\n`) => {
    client.send(`SEND\ndestination:${destination}\n${headers}\n^@`);
    return client.synchronize();
  };

  /** Each span as its name and that of its parent; `client` is whoever sent the frame. */
  function tree(): string[] {
    const spans = exporter.getFinishedSpans();
    const nameOf = (id: string | undefined) =>
      id === PARENT ? "client" : (spans.find((span) => span.spanContext().spanId === id)?.name ?? "none");
    return spans.map((span) => `${span.name} < ${nameOf(span.parentSpanContext?.spanId)}`).toSorted();
  }

  function spanOf(name: string): ReadableSpan {
    const span = exporter.getFinishedSpans().find((each) => each.name === name);
    if (!span) throw new Error(`no span ${name} among ${tree().join(", ")}`);
    return span;
  }

  afterEach(async () => {
    for (const client of clients.splice(0)) client.cut();
    for (const server of servers.splice(0)) await server.close();
  });

  it("puts a span around each call, the active one inside, as a child of the client's", async () => {
    const client = await connect(await start());
    client.send("SUBSCRIBE\nid:0\ndestination:/topic/**\n\n^@");
    const frames = await send(client, "/app/room/7");
    expect(tree()).to.deep.equal([
      "SELECT < process /app/room/{id}",
      "process /app/room/{id} < client",
      "send /topic < process /app/room/{id}",
    ]);
    const process = spanOf("process /app/room/{id}");
    const { "messaging.client.id": id, ...attributes } = process.attributes;
    expect(id).to.be.a("string");
    expect(process.kind).to.equal(SpanKind.CONSUMER);
    expect(attributes).to.deep.equal({
      "messaging.system": "express_stomp",
      "messaging.operation.name": "process",
      "messaging.operation.type": "process",
      "messaging.destination.template": "/app/room/{id}",
      "messaging.message.body.size": 0,
      "code.function.name": "TracedController.room",
    });
    const sent = spanOf("send /topic");
    expect(sent.kind).to.equal(SpanKind.PRODUCER);
    expect(sent.attributes).to.include({ "messaging.destination.name": "/topic" });
    expect(frames[0]).to.include(`\ntraceparent:00-${TRACE}-${sent.spanContext().spanId}-01\n`);
  });

  it("keeps the context in replies, streams, session scopes, exception handlers, and behind handlerTimeout", async () => {
    const client = await connect(await start({}, { handlerTimeout: 10 }));
    for (const name of ["reply", "stream", "scoped", "taken", "hangs"]) {
      client.send(`SEND\ndestination:/app/${name}\ntraceparent:${TRACEPARENT}\n\n^@`);
    }
    client.send(`SUBSCRIBE\nid:0\ndestination:/app/state\ntraceparent:${TRACEPARENT}\n\n^@`);
    await client.synchronize();
    while (tree().filter((line) => line.startsWith("SELECT") || line.includes("stream")).length < 6)
      await new Promise((resolve) => setImmediate(resolve));
    expect(tree()).to.deep.equal([
      "SELECT < process /app/hangs",
      "SELECT < process /app/scoped",
      "SELECT < process /app/taken",
      "process /app/hangs < client",
      "process /app/reply < client",
      "process /app/scoped < client",
      "process /app/stream < client",
      "process /app/taken < client",
      "send /topic < process /app/reply",
      "send /topic < process /app/stream",
      "send /topic < process /app/stream",
      "subscribe /app/state < client",
    ]);
    expect(spanOf("process /app/hangs").attributes["error.type"]).to.equal("HANDLER_TIMEOUT");
    expect(spanOf("process /app/taken").attributes["error.type"]).to.equal("Taken");
    expect(spanOf("process /app/taken").status.code).to.equal(SpanStatusCode.UNSET);
  });

  it("records errors, and names no user and no client's destination", async () => {
    const client = await connect(await start());
    await send(client, "/app/fails");
    await send(client, "/app/user");
    const failed = spanOf("process /app/fails");
    expect(failed.status).to.deep.equal({ code: SpanStatusCode.ERROR });
    expect(failed.attributes["error.type"]).to.equal("TypeError");
    expect(failed.events.map(({ name }) => name)).to.deep.equal(["exception"]);
    expect(JSON.stringify(exporter.getFinishedSpans().map(({ attributes }) => attributes))).to.not.include(
      "rod",
    );
  });

  it("names destinations if it is told to, those of users without their names", async () => {
    const client = await connect(await start({ destinations: true }));
    await send(client, "/app/room/7");
    await send(client, "/app/user");
    const names = exporter
      .getFinishedSpans()
      .map(({ attributes }) => attributes["messaging.destination.name"]);
    expect(names).to.include.members(["/app/room/7", "/topic/room/7", "/user/queue/notes"]);
  });

  it("begins a trace of its own with a link, if clients are not trusted", async () => {
    const client = await connect(await start({ trustClientContext: false }));
    await send(client, "/app/reply");
    const span = spanOf("process /app/reply");
    expect(span.spanContext().traceId).to.not.equal(TRACE);
    expect(span.links.map(({ context: { traceId, spanId } }) => [traceId, spanId])).to.deep.equal([
      [TRACE, PARENT],
    ]);
  });

  it("ignores what is no context: too long, broken, with line breaks", async () => {
    const client = await connect(await start());
    const odd = [
      "x".repeat(8_000),
      `${TRACEPARENT}\\n${TRACEPARENT}`,
      "00-0-0-00",
      `00-${"0".repeat(32)}-${PARENT}-01`,
    ];
    for (const value of odd) await send(client, "/app/reply", `traceparent:${value}\n`);
    await send(client, "/app/reply", `traceparent:${TRACEPARENT}\ntracestate:${"a=b,".repeat(1_900)}\n`);
    const parents = tree().filter((line) => line.startsWith("process"));
    expect(parents).to.deep.equal([
      "process /app/reply < client",
      ...odd.map(() => "process /app/reply < none"),
    ]);
    const states = exporter.getFinishedSpans().map((span) => span.spanContext().traceState);
    expect(new Set(states)).to.deep.equal(new Set([undefined]));
  });

  it("leaves a context that the application has put there, and writes none if told so", async () => {
    const own = `00-${"1".repeat(32)}-${"2".repeat(16)}-01`;
    for (const propagate of [true, false]) {
      const server = await start({ propagate });
      const client = await connect(server);
      client.send("SUBSCRIBE\nid:0\ndestination:/topic/**\n\n^@");
      await client.synchronize();
      await server.messaging.template.convertAndSend("/topic/a", "x", { traceparent: own });
      expect(await client.frame()).to.include(`\ntraceparent:${own}\n`);
      await server.messaging.template.convertAndSend("/topic/a", "x");
      expect((await client.frame()).includes("traceparent")).to.equal(propagate);
    }
  });

  it("makes one trace from a browser over a broker elsewhere to another server's controller", async () => {
    const broker = await ScriptedBroker.open();
    const relay = () => ({
      broker: stompBrokerRelay({
        relayHost: "127.0.0.1",
        relayPort: broker.port,
        destinationPrefixes: ["/topic"],
      }),
    });
    const one = await start({}, relay());
    const line = await broker.line();
    await untilAvailable(one.messaging);
    const browser = await connect(one);
    await send(browser, "/app/room/7").catch(() => {});
    // CONNECT, and what the application has sent.
    let sent = await line.frame();
    while (sent.command !== "SEND") sent = await line.frame();
    const carried = sent.headers.get("traceparent") ?? "";
    expect(carried).to.include(TRACE);

    const other = await startServer({
      controllers: [TracedController],
      observation: openTelemetry({ tracerProvider: provider }),
    });
    servers.push(other);
    const worker = await connect(other);
    await send(worker, "/app/reply", `traceparent:${carried}\n`);
    expect(tree()).to.deep.equal([
      "SELECT < process /app/room/{id}",
      "process /app/reply < send /topic",
      "process /app/room/{id} < client",
      "send /topic < process /app/reply",
      "send /topic < process /app/room/{id}",
    ]);
    const traces = new Set(exporter.getFinishedSpans().map((span) => span.spanContext().traceId));
    expect([...traces]).to.deep.equal([TRACE]);
    await broker.close();
  });

  it("gives all of stats() as metrics, and durations", async () => {
    const memory = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
    const reader = new PeriodicExportingMetricReader({ exporter: memory, exportIntervalMillis: 3_600_000 });
    const meterProvider = new MeterProvider({ readers: [reader] });
    const server = await start({ meterProvider });
    const client = await connect(server);
    client.send("SUBSCRIBE\nid:0\ndestination:/topic/**\n\n^@");
    await send(client, "/app/reply");
    await send(client, "/app/fails");
    const gone = new Promise((resolve) => server.messaging.on("disconnect", resolve));
    (await connect(server)).cut();
    await gone;
    await reader.forceFlush();
    const all = memory
      .getMetrics()
      .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics));
    const pointsOf = (name: string) =>
      all
        .find(({ descriptor }) => descriptor.name === name)
        ?.dataPoints.map(({ attributes, value }) => [
          Object.values(attributes).join(" "),
          typeof value === "number" ? value : value.count,
        ]) ?? [];
    expect(pointsOf("express_stomp.connections")).to.deep.equal([["websocket", 1]]);
    expect(pointsOf("express_stomp.frames.received")).to.deep.include.members([
      ["CONNECT", 2],
      ["SEND", 2],
    ]);
    expect(pointsOf("express_stomp.connection.duration")).to.deep.equal([["websocket lost", 1]]);
    expect(pointsOf("express_stomp.deliveries")).to.deep.equal([["", 1]]);
    expect(pointsOf("express_stomp.controller.failures")).to.deep.equal([["", 1]]);
    expect(pointsOf("messaging.process.duration")).to.deep.equal([
      ["express_stomp process process /app/reply", 1],
      ["express_stomp process process /app/fails TypeError", 1],
    ]);
    expect(pointsOf("messaging.client.operation.duration")).to.deep.equal([["express_stomp send send", 1]]);
    await meterProvider.shutdown();
  });

  it("costs nothing that is seen, and changes nothing, without an SDK", async () => {
    exporter.reset();
    const server = await startServer({ controllers: [TracedController], observation: openTelemetry() });
    servers.push(server);
    const client = await connect(server);
    client.send("SUBSCRIBE\nid:0\ndestination:/topic/**\n\n^@");
    const frames = await send(client, "/app/reply");
    expect(frames).to.have.length(1);
    expect(exporter.getFinishedSpans()).to.deep.equal([]);
  });
});
