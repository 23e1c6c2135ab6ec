import { expect } from "chai";
import { type Message, MessageDeliveryError } from "express-stomp";
import { rejection } from "../../support/channels.js";
import { settled } from "../../support/recording.js";
import { CONNECT, expectEnd, RelayStage, type RelayStageOptions } from "../../support/relay-stage.js";
import { ScriptedBroker, type ScriptedLine } from "../../support/scripted-broker.js";

describe("The application's connection to the broker", () => {
  let stage: RelayStage;
  let system: ScriptedLine;

  async function start(options: RelayStageOptions = {}) {
    stage = await RelayStage.open(options);
    system = await stage.system();
  }

  afterEach(() => stage.close());

  describe("when it starts", () => {
    it("connects as the system, as it was told", async () => {
      stage = await RelayStage.open({
        relay: {
          systemLogin: "app",
          systemPasscode: "secret",
          virtualHost: "stocks",
          systemHeartbeatSendInterval: 20_000,
          systemHeartbeatReceiveInterval: 0,
        },
      });
      const { headers } = await (await stage.broker.line()).frame();
      expect(Object.fromEntries(headers)).to.deep.equal({
        "accept-version": "1.1,1.2",
        "heart-beat": "20000,0",
        login: "app",
        passcode: "secret",
        host: "stocks",
      });
    });

    it("is a guest without a host by default", async () => {
      stage = await RelayStage.open();
      const { headers } = await (await stage.broker.line()).frame();
      expect(Object.fromEntries(headers)).to.deep.equal({
        "accept-version": "1.1,1.2",
        "heart-beat": "10000,10000",
        login: "guest",
        passcode: "guest",
      });
    });

    it("says when the broker is available, and when not any more", async () => {
      stage = await RelayStage.open({ broker: { connects: false } });
      const heard: boolean[] = [];
      stage.server.messaging.on("brokerAvailability", ({ isAvailable }) => void heard.push(isAvailable));
      const line = await stage.broker.line();
      await line.until("CONNECT");
      expect(stage.server.messaging.isBrokerAvailable()).to.equal(false);

      line.connected();
      await stage.available();
      line.cut();
      await stage.available(false);

      expect(heard).to.deep.equal([true, false]);
    });

    it("waits for messaging.start() with autoStartup: false", async () => {
      stage = await RelayStage.open({ relay: { autoStartup: false } });
      const { messaging } = stage.server;
      const error = await rejection(messaging.template.convertAndSend("/topic/a", "x"));
      expect(error.message).to.equal("The connection to the broker was not started: call messaging.start()");
      expect(stage.broker.accepted).to.equal(0);

      messaging.start();
      await stage.system();
      await messaging.template.convertAndSend("/topic/a", "x");
    });
  });

  describe("when the application subscribes", () => {
    it("hears what comes, also after the connection was lost", async () => {
      await start();
      const heard: string[] = [];
      let tell = () => {};
      const subscribed = stage.server.messaging.system?.subscribe("/topic/x", ({ payload, headers }) => {
        heard.push(`${headers.destination} ${Buffer.from(payload)}`);
        tell();
      });
      const first = await system.until("SUBSCRIBE");
      await subscribed;
      const message = (n: string, id: string) =>
        [{ destination: "/topic/x", "message-id": n, subscription: id }, n] as const;
      system.send("MESSAGE", ...message("1", first.headers.get("id")!));
      await new Promise<void>((resolve) => {
        tell = resolve;
      });

      system.cut();
      system = await stage.system();
      const again = await system.until("SUBSCRIBE");
      system.send("MESSAGE", ...message("2", again.headers.get("id")!));
      await new Promise<void>((resolve) => {
        tell = resolve;
      });
      expect(heard).to.deep.equal(["/topic/x 1", "/topic/x 2"]);

      await (await subscribed)!();
      expect((await system.until("UNSUBSCRIBE")).headers.get("id")).to.equal(again.headers.get("id"));
    });
  });

  for (const [isWaitedFor, reads] of [
    [true, "no faster than what listens takes"],
    [false, "on, whatever time what listens takes"],
  ] as const) {
    it(`reads ${reads}, isWaitedFor ${isWaitedFor}`, async () => {
      await start();
      const { messaging } = stage.server;
      const taken: string[] = [];
      let release = () => {};
      const held = new Promise<void>((resolve) => {
        release = resolve;
      });
      let came = () => {};
      const second = new Promise<void>((resolve) => {
        came = resolve;
      });
      const take = ({ payload }: Message) => {
        taken.push(String(Buffer.from(payload)));
        if (taken.length === 2) came();
        return held;
      };
      await messaging.system?.subscribe("/topic/x", take, { isWaitedFor });
      const { headers } = await system.until("SUBSCRIBE");
      for (const n of ["1", "2"]) {
        const subscription = headers.get("id")!;
        system.send("MESSAGE", { destination: "/topic/x", "message-id": n, subscription }, n);
      }
      while (taken.length < (isWaitedFor ? 1 : 2)) await settled();
      for (let turns = 0; turns < 20; turns++) await settled();

      expect(taken).to.deep.equal(isWaitedFor ? ["1"] : ["1", "2"]);
      release();
      await second;
      await messaging.template.convertAndSend("/topic/a", "goes on");
    });
  }

  describe("when the connection is lost", () => {
    it("tells who listens from when to when messages are missed", async () => {
      await start();
      const { messaging } = stage.server;
      const heard: string[] = [];
      let tell = () => {};
      const note = (text: string) => {
        heard.push(`${text} ${messaging.system?.isAvailable}`);
        tell();
      };
      await messaging.system?.subscribe("/topic/x", () => {}, {
        lost: () => note("lost"),
        resumed: () => note("resumed"),
      });
      const resumed = new Promise<void>((resolve) => {
        tell = () => heard.length === 2 && resolve();
      });
      stage.broker.options = { receipts: false };
      system.cut();
      system = await stage.system();
      const { headers } = await system.until("SUBSCRIBE");
      expect(heard).to.deep.equal(["lost false"]);
      system.send("RECEIPT", { "receipt-id": headers.get("receipt")! });
      await resumed;
      expect(heard).to.deep.equal(["lost false", "resumed true"]);
    });

    it("logs what they throw, and goes on", async () => {
      await start();
      const { messaging, log } = stage.server;
      const broken = () => {
        throw new Error("no good");
      };
      let resolve = () => {};
      const resumed = new Promise<void>((done) => {
        resolve = done;
      });
      await messaging.system?.subscribe("/topic/x", () => {}, { lost: broken, resumed: broken });
      await messaging.system?.subscribe("/topic/y", () => {}, { resumed: resolve });
      system.cut();
      await resumed;
      const text = "error The listener for gaps at /topic/x failed Error: no good";
      expect(log.filter((line) => line === text)).to.have.length(2);
    });

    it("does not tell them twice, when it is lost again before the broker has confirmed", async () => {
      await start();
      const heard: string[] = [];
      let resolve = () => {};
      const resumed = new Promise<void>((done) => {
        resolve = done;
      });
      await stage.server.messaging.system?.subscribe("/topic/x", () => {}, {
        lost: () => heard.push("lost"),
        resumed: resolve,
      });
      stage.broker.options = { receipts: false };
      system.cut();
      system = await stage.system();
      await system.until("SUBSCRIBE");
      stage.broker.options = {};
      system.cut();
      await resumed;
      expect(heard).to.deep.equal(["lost"]);
    });
  });

  describe("when the broker lets it in, and sends what is no frame in the same breath", () => {
    it("connects anew, and subscribes again", async () => {
      await start();
      const subscribed = stage.server.messaging.system?.subscribe("/topic/x", () => {});
      await system.until("SUBSCRIBE");
      await subscribed;
      stage.broker.options = { connects: false };
      system.cut();
      system = await stage.broker.line();
      await system.until("CONNECT");
      stage.broker.options = {};
      system.raw("CONNECTED\nversion:1.2\n\n^@NONSENSE\n\n^@");
      system = await stage.broker.line();
      expect((await system.until("SUBSCRIBE")).headers.get("destination")).to.equal("/topic/x");
    });
  });

  describe("when the broker confirms a subscription late", () => {
    it("hears, all the same", async () => {
      await start({ broker: { receipts: false }, relay: { receiptTimeout: 50 } });
      const { messaging } = stage.server;
      const subscribed = messaging.system?.subscribe("/topic/x", () => {});
      const { headers } = await system.until("SUBSCRIBE");
      // What was sent later is not waited for any more.
      await rejection(messaging.template.convertAndSend("/topic/a", "x"));
      system.send("RECEIPT", { "receipt-id": headers.get("receipt")! });
      expect(await subscribed).to.be.a("function");
    });
  });

  describe("when what listens for the application fails", () => {
    for (const [how, take] of [
      [
        "throws",
        () => {
          throw new Error("no good");
        },
      ],
      [
        "rejects",
        async () => {
          throw new Error("no good");
        },
      ],
    ] as const) {
      it(`logs that, and goes on, if it ${how}`, async () => {
        await start();
        const { system: application } = stage.server.messaging;
        const heard = new Promise<void>((resolve) => {
          void application?.subscribe("/topic/good", () => resolve());
        });
        const good = await system.until("SUBSCRIBE");
        void application?.subscribe("/topic/bad", take);
        const bad = await system.until("SUBSCRIBE");
        for (const { headers } of [bad, good]) {
          const destination = headers.get("destination")!;
          system.send("MESSAGE", { destination, "message-id": "1", subscription: headers.get("id")! });
        }
        await heard;
        expect(stage.server.log.join("\n")).to.match(/The listener of \/topic\/bad failed.*no good/);
      });
    }
  });

  describe("when the broker refuses a subscription", () => {
    it("gives up a subscription that was never taken, and keeps the others and the connection", async () => {
      await start();
      let hear = (_payload: Uint8Array) => {};
      const heard = new Promise<Uint8Array>((resolve) => {
        hear = resolve;
      });
      const kept = stage.server.messaging.system?.subscribe("/topic/good", ({ payload }) => hear(payload));
      const good = await system.until("SUBSCRIBE");
      await kept;
      stage.broker.options = { receipts: false };
      const refused = rejection(stage.server.messaging.system?.subscribe("/bad", () => {}));
      const { headers } = await system.until("SUBSCRIBE");
      system.send("ERROR", { message: "No such place", "receipt-id": headers.get("receipt")! });
      expect(await refused)
        .to.be.instanceOf(MessageDeliveryError)
        .and.include({ message: "No such place" });

      stage.broker.options = {};
      const subscription = good.headers.get("id")!;
      system.send("MESSAGE", { subscription, destination: "/topic/good", "message-id": "m" }, "still here");
      expect(Buffer.from(await heard).toString()).to.equal("still here");
      await stage.server.messaging.template.convertAndSend("/topic/a", "nothing came between");
      expect((await system.frame()).command).to.equal("SEND");
      expect(stage.broker.accepted).to.equal(1);
    });

    it("tells the log where nobody awaits it", async () => {
      await start();
      stage.broker.options = { receipts: false };
      void stage.server.messaging.system?.subscribe("/bad", () => {});
      const { headers } = await system.until("SUBSCRIBE");
      stage.broker.options = {};
      system.send("ERROR", { message: "No such place", "receipt-id": headers.get("receipt")! });
      await stage.server.messaging.template.convertAndSend("/topic/a", "behind");
      await settled();

      expect(stage.server.log.join("\n")).to.contain("The application does not hear /bad");
    });

    it("begins anew when it refuses one that it had taken, so that nobody is deaf", async () => {
      await start();
      const { messaging } = stage.server;
      await messaging.system?.subscribe("/topic/x", () => {});
      stage.broker.options = { receipts: false };
      system.cut();
      system = await stage.system();
      const { headers } = await system.until("SUBSCRIBE");
      system.send("ERROR", { message: "Not any more", "receipt-id": headers.get("receipt")! });
      stage.broker.options = {};
      system = await stage.system();
      expect((await system.until("SUBSCRIBE")).headers.get("destination")).to.equal("/topic/x");
    });

    it("begins anew when a subscription is cancelled", async () => {
      await start();
      void stage.server.messaging.system?.subscribe("/topic/x", () => {});
      const { headers } = await system.until("SUBSCRIBE");
      system.send("ERROR", { message: "Server cancelled subscription", subscription: headers.get("id")! });
      system = await stage.system();
      expect((await system.until("SUBSCRIBE")).headers.get("destination")).to.equal("/topic/x");
    });
  });

  describe("when the broker does not confirm a subscription again", () => {
    it("begins anew, and says so", async () => {
      await start({ relay: { receiptTimeout: 100 } });
      const subscribed = stage.server.messaging.system?.subscribe("/topic/x", () => {});
      await system.until("SUBSCRIBE");
      await subscribed;
      stage.broker.options = { receipts: false };
      system.cut();
      system = await stage.broker.line();
      await system.until("SUBSCRIBE");
      await system.closed();
      expect(stage.server.log.join("\n")).to.match(
        /did not confirm the subscription to \/topic\/x again\. Trying again/,
      );
      stage.broker.options = {};
      system = await stage.broker.line();
      expect((await system.until("SUBSCRIBE")).headers.get("destination")).to.equal("/topic/x");
    });
  });

  describe("when the broker cannot be reached", () => {
    it("starts all the same, and connects when there is one", async () => {
      const broker = await ScriptedBroker.open();
      const { port } = broker;
      await broker.close();
      stage = await RelayStage.open({ relay: { relayPort: port } });
      const refused = await stage.open();
      refused.send(CONNECT);
      await expectEnd(refused, "Broker not available");

      const again = await ScriptedBroker.open({ port });
      await stage.available();
      await stage.server.messaging.template.convertAndSend("/topic/a", "x");
      await stage.server.close();
      await again.close();
    });

    it("tries one broker after the other, and the next when one is lost", async () => {
      const [one, two] = [await ScriptedBroker.open(), await ScriptedBroker.open()];
      const addresses = [one, two].map(({ port }) => ({ host: "127.0.0.1", port }));
      const nobody = await ScriptedBroker.open();
      stage = await RelayStage.open({
        relay: { addresses: [{ host: "127.0.0.1", port: nobody.port }, ...addresses] },
      });
      (await nobody.line()).cut();
      const line = await one.line();
      await stage.available();
      const client = await stage.open();
      client.send(CONNECT);
      await (await one.line()).until("CONNECT");

      const lost = stage.available(false);
      line.cut();
      await lost;
      await (await two.line()).until("CONNECT");
      await stage.available();
      await stage.server.close();
      for (const broker of [one, two, nobody]) await broker.close();
    });

    it("closes at once, though it is being connected to", async () => {
      stage = await RelayStage.open({ broker: { connects: false } });
      const line = await stage.broker.line();
      await line.until("CONNECT");
      await stage.server.messaging.close();
      await line.closed();
    });
  });
});
