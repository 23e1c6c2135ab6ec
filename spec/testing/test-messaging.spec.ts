import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { setTimeout as wait } from "node:timers/promises";
import { Client } from "@stomp/stompjs";
import { expect } from "chai";
import express from "express";
import {
  AccessDeniedError,
  Controller,
  DestinationVariable,
  MessageExceptionHandler,
  MessageMapping,
  messageSecurity,
  Payload,
  Principal,
  SendTo,
  SendToUser,
  SubscribeMapping,
  simpleBroker,
  stompMessaging,
} from "express-stomp";
import { StompError, type TestMessaging, testMessaging } from "express-stomp/testing";

interface Said {
  readonly text: string;
}

@Controller()
class RoomController {
  @MessageMapping("/room/{id}")
  @SendTo("/topic/room/{id}")
  say(@Payload() { text }: Said, @DestinationVariable("id") id: string, @Principal() user: Principal) {
    return { text, from: user.name, id };
  }

  @SubscribeMapping("/rooms")
  rooms() {
    return [{ id: 7 }];
  }

  @MessageMapping("/admin/close")
  close() {
    throw new AccessDeniedError("only staff may close");
  }

  @MessageMapping("/odd")
  odd(@Payload() text: string) {
    if (text === "range") throw new RangeError("odd");
    throw new Error("worse");
  }

  @MessageExceptionHandler(RangeError)
  @SendToUser("/queue/errors")
  told(error: RangeError) {
    return { error: error.message };
  }

  @MessageMapping("/hang")
  hang(): Promise<void> {
    return new Promise(() => {});
  }

  @MessageMapping("/later")
  @SendTo("/topic/later")
  async later(@Payload() text: string) {
    await wait(5);
    return text;
  }
}

async function failure(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "no failure",
    (error: Error) => error.message,
  );
}

describe("testMessaging", () => {
  let stomp: TestMessaging;

  async function start(options: Parameters<typeof testMessaging>[0] = {}): Promise<void> {
    stomp = await testMessaging({ controllers: [RoomController], ...(options as object) });
  }

  afterEach(() => stomp.close());

  it("brings what a client sends to its controller, and the reply to who has subscribed, without a port", async () => {
    await start();
    const mina = await stomp.connect({ user: "mina" });
    const rod = await stomp.connect({ user: { name: "rod" } });
    const room = await rod.subscribe("/topic/room/7");
    await mina.send("/app/room/7", { text: "hi" });

    expect(await room.next()).to.deep.equal({ text: "hi", from: "mina", id: "7" });
    expect(stomp.server.listening).to.equal(false);
    expect(mina.headers["user-name"]).to.equal("mina");
  });

  for (const transport of ["websocket", "sockjs-websocket", "xhr-streaming", "xhr-polling"] as const) {
    for (const version of ["1.0", "1.1", "1.2"] as const) {
      it(`speaks STOMP ${version} by ${transport}`, async () => {
        await start();
        const mina = await stomp.connect({ user: "mina", transport, version });
        const room = await mina.subscribe("/topic/room/7");
        for (const text of ["a", "b:\\", "ü\n"]) await mina.send("/app/room/7", { text });
        expect(await room.bodies<Said>()).to.deep.equal(
          ["a", "b:\\", "ü\n"].map((text) => ({ text, from: "mina", id: "7" })),
        );
        expect(mina.version).to.equal(version);
        expect((await mina.disconnect()).code).to.equal(1000);
      });
    }
  }

  it("gives the answer to a SUBSCRIBE", async () => {
    await start();
    const mina = await stomp.connect();
    expect(await (await mina.subscribe("/app/rooms")).next()).to.deep.equal([{ id: 7 }]);
  });

  it("rejects a send with the text of ERROR", async () => {
    await start();
    const mina = await stomp.connect();
    const error = await mina.send("/app/admin/close").catch((fault: unknown) => fault);
    expect(error).to.be.instanceOf(StompError);
    expect((error as StompError).message).to.equal("only staff may close");
    expect(await mina.closed).to.include({ code: 1002, error: "only staff may close" });
    expect(await failure(mina.send("/app/room/7", {}))).to.match(
      /^client 1: SEND cannot be sent: ERROR "only staff may close" has ended the session/,
    );
  });

  it("holds that something is refused", async () => {
    await start({
      security: messageSecurity((messages) =>
        messages.simpSubscribeDestMatchers("/topic/secret").denyAll().anyMessage().permitAll(),
      ),
    } as never);
    expect(await (await stomp.connect()).refused("/app/admin/close", /only staff/)).to.equal(
      "only staff may close",
    );
    expect(await (await stomp.connect()).refused("/topic/secret", "", { command: "SUBSCRIBE" })).to.be.a(
      "string",
    );
    const mina = await stomp.connect({ user: "mina" });
    expect(await failure(mina.refused("/app/admin/close", "nobody"))).to.match(
      /^mina: SEND \/app\/admin\/close was refused with "only staff may close", which has not nobody/,
    );
    const rod = await stomp.connect({ user: "rod" });
    expect(await failure(rod.refused("/app/room/7", "", { body: { text: "hi" } }))).to.match(
      /^rod: SEND \/app\/room\/7 was not refused/,
    );
  });

  it("says what did come, when a message does not", async () => {
    await start();
    const mina = await stomp.connect({ user: "mina" });
    const room = await mina.subscribe("/topic/room/7");
    const other = await mina.subscribe("/topic/room/8");
    await mina.send("/app/room/8", { text: "hi" });
    expect(await failure(room.next({ within: 1 }))).to.match(
      /^mina: No message came on \/topic\/room\/7 within 1 ms\. It has received these frames:\n {2}CONNECTED .*\n(?: .*\n)* {2}MESSAGE .*"from":"mina"/,
    );
    await room.nothing();
    expect(await failure(other.nothing())).to.match(
      /^mina: 1 messages came on \/topic\/room\/8, and none was to:\n {2}\{"text":"hi"/,
    );
    await other.nothing();
  });

  it("looks when all that any client has sent was handled", async () => {
    await start();
    const mina = await stomp.connect();
    const rod = await stomp.connect({ transport: "xhr-polling" });
    const later = await rod.subscribe("/topic/later");
    const sent = ["1", "2", "3"].map((text) => mina.send("/app/later", text));
    expect(await later.bodies()).to.deep.equal(["1", "2", "3"]);
    await Promise.all(sent);
    await later.unsubscribe();
    await mina.send("/app/later", "4");
    await later.nothing();
  });

  it("fails a send that is not handled in time", async () => {
    await start({ within: 20 } as never);
    const mina = await stomp.connect({ user: "mina" });
    expect(await failure(mina.send("/app/hang"))).to.match(
      /^mina: SEND \/app\/hang was not answered within 20 ms/,
    );
  });

  it("acknowledges, gives back, and does so in a transaction", async () => {
    await start({
      broker: simpleBroker({ destinationPrefixes: ["/topic", "/queue"], queuePrefixes: ["/queue"] }),
    } as never);
    for (const version of ["1.0", "1.1", "1.2"] as const) {
      const mina = await stomp.connect({ version });
      const rod = await stomp.connect({ version });
      const jobs = await mina.subscribe("/queue/jobs", { ack: "client-individual" });
      await rod.send("/queue/jobs", "a");
      await mina.ack(await jobs.message());
      const transaction = await rod.begin();
      await transaction.send("/queue/jobs", "b");
      await transaction.send("/queue/jobs", "c");
      await jobs.nothing();
      await transaction.commit();
      const b = await jobs.message();
      expect([b.body, await jobs.next()]).to.deep.equal(["b", "c"]);
      if (version !== "1.0") {
        await mina.nack(b);
        const again = await jobs.message();
        expect([again.body, again.headers.redelivered]).to.deep.equal(["b", "true"]);
      }
      const aborted = await rod.begin();
      await aborted.send("/queue/jobs", "d");
      await aborted.abort();
      await jobs.nothing();
      await mina.disconnect();
      await rod.disconnect();
      const cleared = await stomp.connect();
      const left = await cleared.subscribe("/queue/jobs");
      await left.messages();
      await cleared.disconnect();
    }
  });

  it("sends what it is given, and gives what nobody waits for", async () => {
    await start();
    const mina = await stomp.connect();
    mina.raw("SEND\ndestination:/topic/a\nreceipt:r\n\nhi\0");
    expect(await mina.frame()).to.deep.include({ command: "RECEIPT", headers: { "receipt-id": "r" } });
    mina.raw(new TextEncoder().encode("NONSENSE\n\n\0"));
    expect((await mina.frame()).command).to.equal("ERROR");
    expect(await mina.closed).to.include({ code: 1002 });
    expect(await failure(mina.frame())).to.include("Nothing comes any more: ERROR");
  });

  it("tells events, and those that did come in place of one that did not", async () => {
    await start();
    const mina = await stomp.connect({ user: "mina" });
    expect(await stomp.event("connected")).to.have.nested.property("user.name", "mina");
    expect(stomp.events("connect")).to.have.length(1);
    expect(await failure(stomp.event("disconnect", { within: 1 }))).to.equal(
      "No event disconnect came within 1 ms; there were connect (1), connected (1), brokerAvailability (1)",
    );
    await mina.disconnect();
    expect(await stomp.event("disconnect")).to.include({ sessionId: mina.sessionId, code: 1000 });
    expect(await failure(Promise.resolve().then(() => stomp.event("nonsense" as never)))).to.match(
      /^There is no event nonsense; there are connect,/,
    );
  });

  it("sends errors of exception handlers to their user", async () => {
    await start();
    const mina = await stomp.connect({ user: "mina" });
    const errors = await mina.subscribe("/user/queue/errors");
    await mina.send("/app/odd", "range");
    expect(await errors.next()).to.deep.equal({ error: "odd" });
  });

  it("fails at its close when something has failed that nobody was told of", async () => {
    await start();
    const mina = await stomp.connect({ user: "mina" });
    mina.raw("SEND\ndestination:/app/odd\n\nother\0");
    await mina.settled();
    expect(await failure(stomp.close())).to.match(
      /^Nobody has looked at these errors \(allowErrors lets them be\):\n {2}controllerError: .*worse/,
    );
    expect(stomp.log.join("\n")).to.include("worse");

    await start({ allowErrors: true } as never);
    const rod = await stomp.connect();
    rod.raw("SEND\ndestination:/app/odd\n\nother\0");
    await rod.settled();
    await stomp.close();

    await start();
    await (await stomp.connect()).refused("/app/odd", "", { body: "other" });
    const sam = await stomp.connect();
    sam.raw("SEND\ndestination:/app/odd\n\nother\0");
    await stomp.event("controllerError");
    await stomp.close();
  });
});

describe("testMessaging of an application", () => {
  function application() {
    const app = express();
    app.use((req, res, next) => {
      if (req.get("x-key") === "wrong") res.status(401).send("who are you?");
      else next();
    });
    const messaging = stompMessaging({
      endpoints: [{ path: "/ws", sockJS: true, user: () => ({ name: "nobody" }) }],
      applicationDestinationPrefixes: ["/app"],
      controllers: [RoomController],
    });
    app.use("/realtime", messaging);
    return { app, messaging };
  }

  it("lets its middleware decide about handshakes, SockJS's too", async () => {
    const { app, messaging } = application();
    await using stomp = await testMessaging(app, messaging, { path: "/realtime/ws" });
    for (const transport of ["websocket", "xhr-streaming"] as const) {
      const requestHeaders = { "x-key": "wrong" };
      expect(await stomp.refused({ transport, requestHeaders }, "401 who are you?")).to.equal(
        "401 who are you?",
      );
      const origin = "https://evil.example";
      expect(await stomp.refused({ transport, origin }, /^403 Origin not allowed/)).to.be.a("string");
      const mina = await stomp.connect({ transport, user: "mina", origin: "http://localhost" });
      expect(mina.headers["user-name"]).to.equal("mina");
      const nobody = await stomp.connect({ transport, address: "192.0.2.7" });
      expect(nobody.headers["user-name"]).to.equal("nobody");
    }
    expect((await stomp.event("handshakeRefused")).reason).to.equal("application");
  });

  it("is what a real Client of stompjs connects to", async () => {
    const { app, messaging } = application();
    await using stomp = await testMessaging(app, messaging, { path: "/realtime/ws" });
    const client = new Client({ ...stomp.stompjs({ user: "mina" }), reconnectDelay: 0 });
    const connected = new Promise((resolve) => {
      client.onConnect = resolve;
    });
    client.activate();
    await connected;
    const heard = new Promise<string>((resolve) =>
      client.subscribe("/topic/room/7", ({ body }) => resolve(body)),
    );
    await stomp.event("subscribed");
    client.publish({ destination: "/app/room/7", body: '{"text":"hi"}' });
    expect(JSON.parse(await heard)).to.deep.equal({ text: "hi", from: "mina", id: "7" });
    await client.deactivate();
  });

  it("takes its server too, and nothing else", async () => {
    const { app, messaging } = application();
    const server = createServer(app);
    await using stomp = await testMessaging(server, messaging, { path: "/realtime/ws" });
    expect(stomp.server).to.equal(server);
    expect((await stomp.connect({ user: "mina", secure: true })).isOpen).to.equal(true);
    for (const other of [createTlsServer(), {}]) {
      expect(await failure(testMessaging(other as never, application().messaging))).to.match(
        /^testMessaging takes the application or its http\.Server/,
      );
    }
    expect(await failure(testMessaging(undefined as never))).to.match(/^testMessaging takes the application/);
    expect(await failure(testMessaging(express() as never))).to.match(/^testMessaging takes the application/);
  });
});
