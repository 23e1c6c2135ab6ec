import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect } from "chai";
import { bearerToken, Controller, MessageMapping, type StompMessagingOptions } from "express-stomp";
import { codeOf } from "../support/code-of.js";
import { FakeTime } from "../support/fake-time.js";
import { RawClient } from "../support/raw-client.js";
import { RelayStage } from "../support/relay-stage.js";
import { startServer, type TestServer } from "../support/server.js";
import { http, stream } from "../support/sockjs-http.js";

@Controller()
class HangingController {
  @MessageMapping("/hang")
  hang(): Promise<void> {
    return new Promise(() => {});
  }
}

describe("The option clock", () => {
  let time: FakeTime;
  let server: TestServer;

  async function start(options: Partial<StompMessagingOptions> = {}): Promise<void> {
    time = new FakeTime();
    server = await startServer({ clock: time, ...options });
  }

  /** Lets time pass by half a second a turn, so that what it begins goes on, until something is settled. */
  async function passUntil<T>(something: Promise<T>): Promise<T> {
    let isSettled = false;
    const settle = () => {
      isSettled = true;
    };
    something.then(settle, settle);
    while (!isSettled) {
      time.pass(500);
      await nextTurn();
    }
    return something;
  }

  afterEach(() => server.close());

  it("decides when a client has said nothing for too long", async () => {
    await start();
    const client = await RawClient.open(server.port);
    time.pass(61_000);
    expect(await client.frame()).to.match(/^ERROR\nmessage:.*timeToFirstMessage/);
    expect(await client.closed()).to.equal(4500);
  });

  it("decides when heart-beats are due, and stay away", async () => {
    await start();
    const client = await RawClient.connect(server.port, "heart-beat:10000,10000\n");
    time.pass(10_000);
    expect(await client.frame()).to.equal("\n");
    const closed = once(client.webSocket, "close");
    expect((await passUntil(closed))[0]).to.equal(1002);
  });

  it("decides when a controller's handlerTimeout is over", async () => {
    await start({ controllers: [HangingController] });
    const client = await RawClient.connect(server.port);
    const handled = new Promise<void>((resolve) => {
      server.messaging.clientInboundChannel.addInterceptor({
        beforeHandle(message, _channel, handler) {
          if (handler.name === "controllers" && message.headers.messageType === "MESSAGE")
            setImmediate(resolve);
          return message;
        },
      });
    });
    client.send("SEND\ndestination:/app/hang\nreceipt:1\n\n^@");
    await handled;
    time.pass(30_000);
    expect(await client.frame()).to.match(/^ERROR\n[\s\S]*receipt-id:1\n/);
    expect(await client.closed()).to.equal(1002);
  });

  it("decides when a hook's handlerTimeout is over", async () => {
    await start({ brokerChannel: { interceptors: [{ preSend: () => new Promise(() => {}) }] } });
    const sent = server.messaging.template.convertAndSend("/topic/a", "x").catch((error: Error) => error);
    time.pass(30_000);
    expect(await sent).to.match(/did not settle within 30000 ms/);
  });

  it("decides when a token expires, and when verify has taken too long", async () => {
    let exp: number | undefined;
    const verify = (token: string) =>
      token === "slow" ? new Promise<never>(() => {}) : { user: { name: "rod" }, exp };
    await start({ clientInboundChannel: { interceptors: [bearerToken({ verify })] } });
    exp = (time.date() + 5_000) / 1000;
    const client = await RawClient.connect(server.port, "Authorization:Bearer good\n");
    time.pass(4_999);
    expect(await client.synchronize()).to.deep.equal([]);
    time.pass(1_000);
    expect(await client.frame()).to.match(/^ERROR\nmessage:The token has expired\n/);

    const other = await RawClient.open(server.port);
    other.send("CONNECT\naccept-version:1.2\nhost:spec\nAuthorization:Bearer slow\n\n^@");
    other.webSocket.ping();
    await once(other.webSocket, "pong");
    time.pass(10_000);
    expect(await other.frame()).to.match(/^ERROR\nmessage:The token could not be verified in time\n/);
  });

  it("decides when the application has taken too long over a handshake", async () => {
    await start({ endpoints: [{ path: "/other" }] });
    let came = () => {};
    const waits = new Promise<void>((resolve) => {
      came = resolve;
    });
    server.app.get("/slow", () => setImmediate(came));
    const client = RawClient.open(server.port, "/slow").catch((error: Error) => error.message);
    await waits;
    time.pass(10_000);
    expect(await client).to.include("503");
  });

  it("decides when SockJS gives signs of life, and forgets who does not come back", async () => {
    await start();
    const streaming = await stream(server.port, "/ws/000/abc/xhr_streaming", { method: "POST" });
    expect(await streaming.line()).to.match(/^h+$/);
    expect(await streaming.line()).to.equal("o");
    time.pass(25_000);
    expect(await streaming.line()).to.equal("h");
    streaming.cut();

    const opened = await http(server.port, "/ws/000/def/xhr", { method: "POST" });
    expect(opened.text).to.equal("o\n");
    // The server notices that the response has left a little after the client.
    const forgotten = async () => {
      time.pass(5_000);
      const options = { method: "POST", body: '["\\n"]' };
      return (await http(server.port, "/ws/000/def/xhr_send", options)).status === 404;
    };
    while (!(await forgotten()));
  });

  it("decides when what hangs is not waited for any more at the end", async () => {
    await start({ controllers: [HangingController] });
    const client = await RawClient.connect(server.port);
    const handled = new Promise((resolve) => {
      server.messaging.clientInboundChannel.addInterceptor({
        preSend(message) {
          setImmediate(resolve);
          return message;
        },
      });
    });
    client.send("SEND\ndestination:/app/hang\n\n^@");
    await handled;
    const closed = server.messaging.close({ drainMs: 4_000 });
    time.pass(4_000);
    expect(await client.closed()).to.equal(1001);
    await closed;
  });

  it("decides when a broker has not confirmed what was sent, and when it is asked again", async () => {
    await start();
    const stage = await RelayStage.open({
      broker: { receipts: ({ command }) => command !== "SEND" },
      relay: { reconnectInterval: 60_000 },
      server: { clock: time },
    });
    const { messaging } = stage.server;
    const line = await stage.system();
    const sent = messaging.template.convertAndSend("/topic/a", "x").catch((error: Error) => error.message);
    await line.until("SEND");
    expect(await passUntil(sent)).to.match(/receipt|confirm/i);

    line.cut();
    await stage.available(false);
    await passUntil(stage.available());
    await stage.close();
  });

  it("is the only one there is: no file reads time or sets a timer by itself", () => {
    const timing = /\b(setTimeout|setInterval)\(|performance\.now|hrtime|Date\.now\(/;
    const others = readdirSync("lib", { recursive: true, encoding: "utf8" }).filter(
      (file) =>
        // The test kit makes clocks, and waits in real time for what a test expects; a page has no other clock, nor
        // has a driver, which is made before messaging is, and waits for a store elsewhere.
        !/^(testing|client|driver|cluster|redis|nats|inspector\/page)\//.test(file) &&
        file.endsWith(".ts") &&
        timing.test(codeOf(readFileSync(`lib/${file}`, "utf8"))),
    );
    expect(others.sort()).to.deep.equal(
      [
        "clock/clock.ts",
        // How long bytes take to leave a socket Node alone knows.
        "socket/upgrade-conversation.ts",
        // An HTTP header tells browsers a date.
        "socket/sockjs/caching.ts",
        // How long calls take is told in true time, and nothing waits for it.
        "opentelemetry/tracing.ts",
        "prometheus/prometheus.ts",
      ].sort(),
    );
  });
});
