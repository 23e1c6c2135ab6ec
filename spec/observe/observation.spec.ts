import { AsyncLocalStorage } from "node:async_hooks";
import { tracingChannel } from "node:diagnostics_channel";
import { expect } from "chai";
import {
  Controller,
  MessageExceptionHandler,
  MessageMapping,
  type Observation,
  SendTo,
  type SimpMessagingTemplate,
  SubscribeMapping,
  stompMessaging,
  withHeaders,
} from "express-stomp";
import { RawClient } from "../support/raw-client.js";
import { startServer, type TestServer } from "../support/server.js";

class Taken extends Error {}

const inside = new AsyncLocalStorage<string>();

@Controller()
class ObservedController {
  template: SimpMessagingTemplate | undefined;
  seen: (string | undefined)[] = [];

  @MessageMapping("/room/{id}")
  @SendTo("/topic/room")
  async room() {
    await null;
    this.seen.push(inside.getStore());
    return "reply";
  }

  @SubscribeMapping("/state")
  state() {
    return "state";
  }

  @MessageMapping("/taken")
  taken() {
    throw new Taken();
  }

  @MessageExceptionHandler(Taken)
  take() {
    this.seen.push(inside.getStore());
  }

  @MessageMapping("/fails")
  fails() {
    throw new Error("no");
  }

  @MessageMapping("/user")
  async user() {
    await this.template?.convertAndSendToUser("rod", "/queue/a", "x");
  }
}

describe("An observation", () => {
  let server: TestServer;
  let client: RawClient;
  const controller = new ObservedController();

  async function start(observation: Observation | readonly Observation[]): Promise<void> {
    server = await startServer({ controllers: [controller], observation });
    controller.template = server.messaging.template;
    controller.seen = [];
    client = await RawClient.connect(server.port);
  }

  async function send(destination: string): Promise<readonly string[]> {
    client.send(`SEND\ndestination:${destination}\n\n^@`);
    return client.synchronize();
  }

  afterEach(async () => {
    client?.cut();
    await server?.close();
  });

  it("stands around calls and sendings, and knows patterns, errors and no user's name", async () => {
    const told: string[] = [];
    await start({
      handle(call, run) {
        const { type, pattern, method } = call;
        const end = (how: string) => told.push(`${type} ${pattern} ${method} ${how} ${String(call.error)}`);
        return inside.run("in the call", async () => {
          try {
            await run();
            end("done");
          } catch (error) {
            end("failed");
            throw error;
          }
        });
      },
      send({ destination }, run) {
        told.push(`send ${destination} ${inside.getStore()}`);
        return run;
      },
    });
    await send("/app/room/7");
    client.send("SUBSCRIBE\nid:0\ndestination:/app/state\n\n^@");
    await client.synchronize();
    await send("/app/taken");
    await send("/app/fails");
    await send("/app/user");
    expect(told).to.deep.equal([
      "send /topic/room in the call",
      "MESSAGE /app/room/{id} ObservedController.room done undefined",
      "SUBSCRIBE /app/state ObservedController.state done undefined",
      "MESSAGE /app/taken ObservedController.taken done Error",
      "MESSAGE /app/fails ObservedController.fails failed Error: no",
      "send /user/queue/a in the call",
      "MESSAGE /app/user ObservedController.user done undefined",
    ]);
    expect(controller.seen).to.deep.equal(["in the call", "in the call"]);
  });

  it("gives what is sent more headers; the first of several is outermost", async () => {
    const marking = (mark: string): Observation => ({
      send: ({ message }, run) => {
        const native = message.headers.native.with("mark", (message.headers.native.get("mark") ?? "") + mark);
        return run(withHeaders(message, { native }));
      },
    });
    await start([marking("a"), marking("b")]);
    client.send("SUBSCRIBE\nid:0\ndestination:/topic/**\n\n^@");
    await client.synchronize();
    await server.messaging.template.convertAndSend("/topic/a", "x");
    expect(await client.frame()).to.include("\nmark:ab\n");
    await send("/app/room/7");
  });

  it("changes nothing by what it throws, leaves out, repeats or returns, and is logged once", async () => {
    const calls: string[] = [];
    const faulty: Observation[] = [
      { handle: () => "not run", send: () => "not run" },
      {
        handle() {
          throw new Error("before");
        },
        send() {
          throw new Error("before");
        },
      },
      {
        async handle(_, run) {
          await run();
          await run();
          throw new Error("after");
        },
        async send({ message }, run) {
          calls.push("send");
          await run(undefined as never);
          return run(message);
        },
      },
    ];
    await start(faulty);
    client.send("SUBSCRIBE\nid:0\ndestination:/topic/room\n\n^@");
    const frames = await send("/app/room/7");
    expect(frames).to.have.length(1);
    expect(controller.seen).to.have.length(1);
    expect(calls).to.deep.equal(["send"]);
    const logged = server.log.filter((line) => line.includes("observation"));
    expect(logged).to.deep.equal([
      "error An observation failed (further failures are not logged) Error: before",
    ]);
    await send("/app/fails");
    expect(server.messaging.stats().controllers).to.include({ calls: 2, failures: 1 });
  });

  it("is started with messaging, and stopped when that has closed", async () => {
    const told: string[] = [];
    await start({
      start: (messaging) => {
        told.push(`start ${messaging.stats().connections}`);
        return () => told.push("stop");
      },
    });
    expect(told).to.deep.equal(["start 0"]);
    await server.messaging.close();
    expect(told).to.deep.equal(["start 0", "stop"]);
  });

  it("is refused at the start if it is none", () => {
    for (const observation of [{}, [null], "metrics"]) {
      expect(() =>
        stompMessaging({ endpoints: [{ path: "/ws" }], observation: observation as never }),
      ).to.throw(
        "observation takes what openTelemetry(…) or prometheus(…) returns, or an object with one of handle, send, start",
      );
    }
  });

  it("is told on Node's channels too, to those who subscribe", async () => {
    const told: string[] = [];
    const note = (name: string) => (context: object) => {
      const { pattern, destination, error } = context as Record<string, unknown>;
      told.push(`${name} ${String(pattern ?? destination)}${error ? ` ${String(error)}` : ""}`);
    };
    const listeners = (name: string) => ({
      start: note(`${name} start`),
      end: note(`${name} end`),
      asyncStart: () => {},
      asyncEnd: note(`${name} asyncEnd`),
      error: note(`${name} error`),
    });
    const handle = listeners("handle");
    const publish = listeners("publish");
    await start([]);
    tracingChannel("express-stomp:handle").subscribe(handle);
    tracingChannel("express-stomp:publish").subscribe(publish);
    try {
      await send("/app/room/7");
      await send("/app/fails");
    } finally {
      tracingChannel("express-stomp:handle").unsubscribe(handle);
      tracingChannel("express-stomp:publish").unsubscribe(publish);
    }
    await send("/app/room/8");
    expect(told).to.deep.equal([
      "handle start /app/room/{id}",
      "handle end /app/room/{id}",
      "publish start /topic/room",
      "publish end /topic/room",
      "handle asyncEnd /app/room/{id}",
      "handle start /app/fails",
      "handle error /app/fails Error: no",
      "handle end /app/fails Error: no",
    ]);
  });
});
