import { expect } from "chai";
import { readiness, stompBrokerRelay } from "express-stomp";
import { FakeTime } from "../support/fake-time.js";
import { RawClient } from "../support/raw-client.js";
import { settled } from "../support/recording.js";
import { ScriptedBroker } from "../support/scripted-broker.js";
import { startServer, type TestServer } from "../support/server.js";
import { http } from "../support/sockjs-http.js";

describe("readiness", () => {
  let server: TestServer;

  afterEach(() => server.close());

  async function ready(): Promise<string> {
    const { status, headers, text } = await http(server.port, "/ready");
    expect(headers["cache-control"]).to.equal("no-store");
    expect(text).to.equal(JSON.stringify(server.messaging.health()));
    return `${status} ${server.messaging.health().status}`;
  }

  it("answers 200 while new clients are welcome, and 503 from the first moment of close on", async () => {
    const time = new FakeTime();
    server = await startServer({ clock: time });
    server.app.get("/ready", readiness(server.messaging));
    const began = time.date();
    time.pass(5_000);
    expect(await ready()).to.equal("200 up");
    expect(server.messaging.health().since.getTime()).to.equal(began);

    const client = await RawClient.connect(server.port);
    const closed = server.messaging.close({ spreadMs: 10_000 });
    expect(await ready()).to.equal("503 closing");
    expect(server.messaging.health().since.getTime()).to.equal(began + 5_000);
    await client.synchronize();
    time.pass(10_000);
    expect(await client.closed()).to.equal(1001);
    await closed;
    expect(await ready()).to.equal("503 closing");
  });

  it("answers 503 while the broker is away", async () => {
    const broker = await ScriptedBroker.open({ connects: false });
    const relay = stompBrokerRelay({ relayHost: "127.0.0.1", relayPort: broker.port });
    server = await startServer({ broker: relay });
    server.app.get("/ready", readiness(server.messaging));
    expect(await ready()).to.equal("503 down");
    expect(server.messaging.health().isBrokerAvailable).to.equal(false);

    const line = await broker.line();
    const available = new Promise((resolve) => server.messaging.on("brokerAvailability", resolve));
    await line.frame();
    line.send("CONNECTED", { version: "1.2" });
    await available;
    expect(await ready()).to.equal("200 up");

    line.cut();
    while (server.messaging.health().status === "up") await settled();
    expect(await ready()).to.equal("503 down");
    await broker.close();
  });
});
