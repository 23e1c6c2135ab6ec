import { readFileSync } from "node:fs";
import { expect } from "chai";
import {
  AccessDeniedError,
  Controller,
  createMessage,
  MEASURES,
  MessageMapping,
  SendTo,
  type StompMessagingOptions,
  simpleBroker,
  stompMessaging,
} from "express-stomp";
import { type PrometheusObservation, prometheus } from "express-stomp/prometheus";
import { Registry } from "prom-client";
import { FakeTime } from "../support/fake-time.js";
import { RawClient } from "../support/raw-client.js";
import { startServer, type TestServer } from "../support/server.js";
import { http } from "../support/sockjs-http.js";

@Controller()
class ScrapedController {
  @MessageMapping("/room/{id}")
  @SendTo("/topic/room")
  room() {
    return "reply";
  }

  @MessageMapping("/denied")
  denied() {
    throw new AccessDeniedError("no");
  }
}

/** A scrape: each line's name, labels and number. */
type Scrape = Map<string, number>;

describe("express-stomp/prometheus", () => {
  let server: TestServer;
  let metrics: PrometheusObservation;
  let client: RawClient;

  async function start(options: Partial<StompMessagingOptions> = {}): Promise<void> {
    metrics = prometheus();
    server = await startServer({
      observation: metrics,
      controllers: [new ScrapedController()],
      broker: simpleBroker({ destinationPrefixes: ["/topic", "/queue"], queuePrefixes: ["/queue"] }),
      ...options,
    });
    server.app.get("/metrics", metrics.handler);
    client = await RawClient.connect(server.port);
  }

  async function scrape(): Promise<Scrape> {
    const { status, headers, text } = await http(server.port, "/metrics");
    expect(status).to.equal(200);
    expect(headers["content-type"]).to.equal("text/plain; version=0.0.4; charset=utf-8");
    const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    return new Map(
      lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.split(" ").at(-1))]),
    );
  }

  /** Those that are not 0, without durations. */
  function told(scraped: Scrape): Record<string, number> {
    const some = [...scraped].filter(([name, value]) => value !== 0 && !/_seconds_(bucket|sum)/.test(name));
    return Object.fromEntries(some.map(([name, value]) => [name.replace("express_stomp_", ""), value]));
  }

  afterEach(async () => {
    client?.cut();
    await server.close();
  });

  it("tells why a publication failed", async () => {
    await start({
      brokerChannel: {
        interceptors: [
          {
            preSend: async ({ headers }) => {
              throw headers.destination === "/topic/denied"
                ? new AccessDeniedError("no")
                : new Error("broken");
            },
          },
        ],
      },
    });
    const { template } = server.messaging;
    for (const destination of ["/topic/denied", "/topic/broken"]) {
      await template.convertAndSend(destination, "x").catch(() => {});
    }
    const after = await scrape();
    for (const outcome of ["denied", "error"]) {
      expect(after.get(`express_stomp_publish_duration_seconds_count{outcome="${outcome}"}`)).to.equal(1);
    }
  });

  it("gives every number of scripted traffic by its name", async () => {
    await start();
    client.send("SUBSCRIBE\nid:0\ndestination:/topic/room\n\n^@");
    client.send("SEND\ndestination:/app/room/7\n\n^@");
    client.send("SEND\ndestination:/app/denied\n\n^@");
    for (let job = 0; job < 2; job++) client.send("SEND\ndestination:/queue/jobs\n\na job^@");
    await client.synchronize();
    const { bytesReceived, bytesSent, queues } = server.messaging.stats();
    expect(told(await scrape())).to.deep.equal({
      'connections{transport="websocket"}': 1,
      sessions: 1,
      connections_opened_total: 1,
      'frames_received_total{command="CONNECT"}': 1,
      'frames_received_total{command="SUBSCRIBE"}': 1,
      'frames_received_total{command="UNSUBSCRIBE"}': 1,
      'frames_received_total{command="SEND"}': 4,
      'frames_sent_total{command="CONNECTED"}': 1,
      'frames_sent_total{command="MESSAGE"}': 1,
      'frames_sent_total{command="RECEIPT"}': 1,
      received_bytes_total: bytesReceived,
      sent_bytes_total: bytesSent,
      subscriptions: 1,
      publications_total: 3,
      deliveries_total: 1,
      queues: 1,
      queue_backlog: 2,
      queue_size_bytes: queues?.bytes,
      controller_calls_total: 2,
      controller_failures_total: 1,
      'controller_duration_seconds_count{pattern="/app/room/{id}",outcome="ok"}': 1,
      'controller_duration_seconds_count{pattern="/app/denied",outcome="denied"}': 1,
      'publish_duration_seconds_count{outcome="ok"}': 1,
    });
  });

  it("tells how long connections lasted, by how they ended", async () => {
    const time = new FakeTime();
    await start({ clock: time });
    const { messaging, port } = server;
    const ended = async (end: (each: RawClient) => void, ms: number) => {
      const each = await RawClient.connect(port);
      const gone = new Promise((resolve) => messaging.on("disconnect", resolve));
      time.pass(ms);
      end(each);
      await gone;
    };
    await ended((each) => each.webSocket.close(1000), 50);
    await ended((each) => each.webSocket.close(1001), 70_000);
    await ended((each) => each.webSocket.terminate(), 4_000);
    await ended((each) => each.send("NONSENSE\n\n^@"), 4_000);
    // One that never says CONNECT is no connection whose time says anything.
    const early = await RawClient.open(port);
    early.cut();
    const scraped = await scrape();
    const of = (end: string, part = "count", le = "") =>
      scraped.get(
        `express_stomp_connection_duration_seconds_${part}{${le && `le="${le}",`}transport="websocket",end="${end}"}`,
      );
    expect([of("left"), of("lost"), of("ended")]).to.deep.equal([2, 1, 1]);
    expect([
      of("left", "bucket", "0.1"),
      of("left", "bucket", "60"),
      of("left", "bucket", "300"),
    ]).to.deep.equal([1, 1, 2]);
    expect(of("lost", "sum")).to.equal(4);
  });

  it("has no more series after a million odd destinations than after one", async () => {
    await start();
    const odd = async (from: number, to: number) => {
      const headers = (number: number) => `/app/room/${number}\\c"{}`;
      for (let batch = from; batch < to; batch++) {
        client.send(
          `SEND\ndestination:${headers(batch)}\nx-${batch}:1\n\n^@SEND\ndestination:/topic/${batch}"\n\n^@`,
        );
      }
      await client.synchronize();
    };
    const payload = new Uint8Array(0);
    await odd(0, 1);
    await server.messaging.template.send("/topic/warm", createMessage(payload));
    const before = [...(await scrape()).keys()];
    await odd(1, 1_000);
    for (let number = 0; number < 20_000; number++) {
      const destination = `/topic/${number}/"}`;
      void server.messaging.brokerChannel.send(createMessage(payload, { destination }));
    }
    // The observation alone is told of the rest: behind it nothing is kept by destination.
    const message = createMessage(payload);
    for (let number = 0; number < 1_000_000; number++) {
      metrics.send({ message, destination: `/topic/${number}/"}` }, () => true);
    }
    const after = await scrape();
    expect([...after.keys()]).to.deep.equal(before);
    expect(after.get("express_stomp_publications_total")).to.be.greaterThan(20_000);
    expect(after.get('express_stomp_publish_duration_seconds_count{outcome="ok"}')).to.be.greaterThan(
      1_000_000,
    );
  }).timeout(60_000);

  it("fills the registry that it is given, and leaves it when messaging has closed", async () => {
    const registry = new Registry();
    const make = (prefix: string) =>
      stompMessaging({ endpoints: [{ path: "/ws" }], observation: prometheus({ registry, prefix }) });
    const [one, two] = [make("one_"), make("two_")];
    const names = async () => (await registry.getMetricsAsJSON()).map(({ name }) => name);
    expect(await names()).to.include.members([
      "one_sessions",
      "two_sessions",
      "two_publish_duration_seconds",
    ]);
    expect(() => make("one_")).to.throw(/already been registered/);
    await one.close();
    expect(await names()).to.not.include("one_sessions");
    expect(await names()).to.include("two_sessions");
    await two.close();
    await start();
  });

  it("reads the stats once in a scrape", async () => {
    await start();
    let reads = 0;
    const observation = prometheus();
    const stop = observation.start({
      on: () => () => {},
      stats() {
        reads++;
        return server.messaging.stats();
      },
    });
    await observation.registry.metrics();
    expect(reads).to.equal(1);
    await observation.registry.metrics();
    expect(reads).to.equal(2);
    if (stop) stop();
    expect(MEASURES.length).to.be.greaterThan(35);
  });

  it("has every metric of the dashboard, and the dashboard every metric", async () => {
    await start();
    client.send("SEND\ndestination:/app/room/7\n\n^@");
    await client.synchronize();
    const { text } = await http(server.port, "/metrics");
    const known = new Set(
      [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].flatMap(([, name = "", type]) =>
        type === "histogram" ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
      ),
    );
    const dashboard = readFileSync("docs/grafana/express-stomp.json", "utf8");
    const named = new Set([...dashboard.matchAll(/\bexpress_stomp_\w+/g)].map(([name]) => name));
    expect(named.size).to.be.greaterThan(25);
    expect([...named].filter((name) => !known.has(name))).to.deep.equal([]);
    // The histogram counts a controller's calls, by pattern.
    const shown = new Set([...named, "express_stomp_controller_calls_total"]);
    expect(
      [...known].filter((name) => /^express_stomp_(?!.*_seconds_)/.test(name) && !shown.has(name)),
    ).to.deep.equal([]);
    const labels = new Set([...text.matchAll(/[{,](\w+)="/g)].map(([, label]) => label));
    const used = [...dashboard.matchAll(/by \(([^)]*)\)/g)].flatMap(([, names = ""]) => names.split(/,\s*/));
    const fromTraffic = ["code", "reason", "limit", "instance", "end"];
    expect(used.filter((label) => !labels.has(label) && !fromTraffic.includes(label))).to.deep.equal([]);
  });
});
