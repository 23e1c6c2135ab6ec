import { expect } from "chai";
import { Controller, MessageMapping, Payload, SendTo } from "express-stomp";
import { type FakeClock, fakeClock, type TestMessaging, testMessaging } from "express-stomp/testing";

@Controller()
class EchoController {
  @MessageMapping("/echo")
  @SendTo("/topic/echo")
  echo(@Payload() text: string) {
    return text;
  }
}

describe("A line in memory", () => {
  let clock: FakeClock;
  let stomp: TestMessaging;

  beforeEach(async () => {
    clock = fakeClock();
    stomp = await testMessaging({ clock, controllers: [EchoController], within: 300 });
  });

  afterEach(() => stomp.close());

  for (const transport of ["websocket", "sockjs-websocket", "xhr-streaming", "xhr-polling"] as const) {
    it(`is cut, by ${transport}: both ends hear of it`, async () => {
      const mina = await stomp.connect({ transport });
      mina.lines.cut();
      expect((await mina.closed).code).to.equal(1006);
      // A SockJS session outlives its request.
      if (transport.startsWith("xhr")) await clock.pass(60_000);
      expect(await stomp.event("disconnect")).to.include({ sessionId: mina.sessionId });
    });

    it(`drips, by ${transport}, and every frame arrives whole`, async () => {
      const mina = await stomp.connect({ transport });
      mina.lines.drip();
      const echo = await mina.subscribe("/topic/echo");
      await mina.send("/app/echo", "ünä");
      mina.lines.drip(3);
      await mina.send("/app/echo", "b");
      expect(await echo.bodies()).to.deep.equal(["ünä", "b"]);
    });

    it(`stalls, by ${transport}, and gives what was held back when it goes on`, async () => {
      const mina = await stomp.connect({ transport });
      const echo = await mina.subscribe("/topic/echo");
      mina.lines.stall();
      const sent = mina.send("/app/echo", "a");
      await stomp.messaging.template.convertAndSend("/topic/echo", "b");
      const late = await echo.next({ within: 5 }).catch((error: Error) => error.message);
      expect(late).to.include("No message came on /topic/echo within 5 ms");
      mina.lines.resume();
      await sent;
      expect((await echo.bodies()).slice().sort()).to.deep.equal(["a", "b"]);
    });
  }

  it("delays by the clock that the kit was given, in order and either way", async () => {
    const mina = await stomp.connect();
    const echo = await mina.subscribe("/topic/echo");
    mina.lines.delay(200);
    const sent = ["1", "2", "3"].map((text) => mina.send("/app/echo", text));
    await clock.pass(199);
    expect(stomp.events("subscribed")).to.have.length(1);
    await clock.pass(1);
    expect(await echo.next({ within: 5 }).catch(() => "nothing")).to.equal("nothing");
    await clock.pass(200);
    await Promise.all(sent);
    mina.lines.resume();
    expect(await echo.bodies()).to.deep.equal(["1", "2", "3"]);
  });

  it("is full when its client does not read, and the server then ends it", async () => {
    const mina = await stomp.connect();
    await mina.subscribe("/topic/a");
    mina.lines.stopReading();
    const slow = stomp.event("slowConsumer");
    // Three times what the line holds; less than the server lets wait.
    for (let i = 0; i < 4; i++) await stomp.messaging.template.convertAndSend("/topic/a", "x".repeat(50_000));
    await clock.pass(15_000);
    expect(await slow).to.include({ limit: "sendTimeLimit", sessionId: mina.sessionId });
  });

  it("has the address that the client says it has, and TLS", async () => {
    const refused = stomp.event("handshakeRefused");
    await stomp.refused({ address: "2001:db8::7", origin: "https://evil.example", secure: true });
    const { address, request } = await refused;
    expect(address).to.equal("2001:db8::7");
    expect((request.socket as { encrypted?: boolean }).encrypted).to.equal(true);
  });
});

describe("fakeClock", () => {
  it("rings each timer in its turn, and late ones once after a stall", async () => {
    const clock = fakeClock();
    const rang: [string, number][] = [];
    clock.every(10, () => rang.push(["every", clock.now()]));
    clock.after(25, () => {
      rang.push(["after", clock.now()]);
      clock.after(1, () => rang.push(["then", clock.now()]));
    });
    const stop = clock.after(5, () => rang.push(["stopped", clock.now()]));
    stop();
    await clock.pass(30);
    expect(rang.splice(0)).to.deep.equal([
      ["every", 10],
      ["every", 20],
      ["after", 25],
      ["then", 26],
      ["every", 30],
    ]);
    await clock.stall(100);
    expect(rang).to.deep.equal([["every", 130]]);
    expect(clock.date() - Date.now()).to.be.within(-60_000, 1_000);
  });

  it("moves heart-beats on: a client that keeps its promise stays, one that is silent goes", async () => {
    const clock = fakeClock();
    await using stomp = await testMessaging({ clock });
    const heartbeat = [10_000, 0] as const;
    const [mina, rod] = [await stomp.connect({ heartbeat }), await stomp.connect({ heartbeat })];
    rod.silence();
    await clock.pass(60_000);
    expect(await rod.closed).to.include({ code: 1002 });
    expect(mina.isOpen).to.equal(true);
    await mina.settled();
  });

  it("lets the end of what hangs come", async () => {
    @Controller()
    class Hanging {
      @MessageMapping("/hang")
      hang(): Promise<void> {
        return new Promise(() => {});
      }
    }
    const stomp = await testMessaging({
      clock: fakeClock(),
      controllers: [Hanging],
      within: 50,
      allowErrors: true,
    });
    const mina = await stomp.connect();
    mina.raw("SEND\ndestination:/app/hang\n\n\0");
    await stomp.close();
    expect(mina.isOpen).to.equal(false);
  });
});
