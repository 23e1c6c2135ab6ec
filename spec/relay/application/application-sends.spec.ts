import { expect } from "chai";
import {
  BrokerNotAvailableError,
  type ChannelInterceptor,
  Controller,
  type Message,
  MessageDeliveryError,
  MessageMapping,
  type MessagingEvents,
  Payload,
  SendTo,
  SimpMessagingTemplate,
} from "express-stomp";
import { rejection } from "../../support/channels.js";
import { RelayStage, type RelayStageOptions } from "../../support/relay-stage.js";
import { type ScriptedLine } from "../../support/scripted-broker.js";

@Controller()
class Shout {
  @MessageMapping("/shout")
  @SendTo("/topic/shouts")
  shout(@Payload() text: string) {
    return text.toUpperCase();
  }
}

@Controller()
class Forgetful {
  constructor(private readonly template: SimpMessagingTemplate) {}

  @MessageMapping("/forget")
  forget(@Payload() roomId: string) {
    void this.template.convertAndSend(`/topic/${roomId}`, "x");
  }
}

describe("What the application sends to the broker", () => {
  let stage: RelayStage;
  let system: ScriptedLine;

  async function start(options: RelayStageOptions = {}) {
    stage = await RelayStage.open(options);
    system = await stage.system();
  }

  afterEach(() => stage.close());

  describe("when the application sends", () => {
    it("sends over the system's connection, and is done when the broker has it", async () => {
      await start({ broker: { receipts: false } });
      const order: string[] = [];
      const sent = stage.server.messaging.template
        .convertAndSend("/topic/a", { price: 1 }, { color: "red", receipt: "no", transaction: "no" })
        .then(() => order.push("sent"));
      const { command, headers, body } = await system.frame();
      order.push("came");
      system.send("RECEIPT", { "receipt-id": headers.get("receipt")! });
      await sent;

      expect(order).to.deep.equal(["came", "sent"]);
      expect([
        command,
        headers.get("destination"),
        headers.get("content-type"),
        headers.get("color"),
        body,
      ]).to.deep.equal(["SEND", "/topic/a", "application/json", "red", '{"price":1}']);
      expect(headers.has("transaction")).to.equal(false);
    });

    it("has many messages on the way at once, in order, with an interceptor too", async () => {
      const passing: ChannelInterceptor = { preSend: async (message: Message) => message };
      await start({
        broker: { receipts: false },
        server: { brokerChannel: { interceptors: [passing] } },
      });
      const { template } = stage.server.messaging;
      const numbers = Array.from({ length: 50 }, (_, n) => `${n}`);
      const all = numbers.map((n) => template.convertAndSend("/topic/a", n));
      const came = [];
      for (const _ of numbers) came.push(await system.frame());
      expect(came.map(({ body }) => body)).to.deep.equal(numbers);
      for (const { headers } of came) system.send("RECEIPT", { "receipt-id": headers.get("receipt")! });
      await Promise.all(all);
    });

    it("sends the replies of controllers so, too", async () => {
      await start({ server: { controllers: [Shout] } });
      const { client } = await stage.connect();
      client.send("SEND", { destination: "/app/shout", receipt: "r" }, "hello");
      const { headers, body } = await system.frame();
      expect([headers.get("destination"), body]).to.deep.equal(["/topic/shouts", "HELLO"]);
      expect((await client.frame()).command).to.equal("RECEIPT");
    });

    it("rejects while the broker is away", async () => {
      await start();
      await stage.broker.close();
      await stage.available(false);
      const error = await rejection(stage.server.messaging.template.convertAndSend("/topic/a", "x"));
      expect(error).to.be.instanceOf(BrokerNotAvailableError).and.include({ code: "BROKER_NOT_AVAILABLE" });
    });

    it("fails the message of a method that does not await it, while the broker is away", async () => {
      await start({ broker: { receipts: false }, server: { controllers: [Forgetful] } });
      const { client } = await stage.connect();
      const failed: MessagingEvents["controllerError"][] = [];
      stage.server.messaging.on("controllerError", (event) => void failed.push(event));
      const told = new Promise<MessagingEvents["sendFailed"]>((resolve) => {
        stage.server.messaging.on("sendFailed", resolve);
      });
      client.send("SEND", { destination: "/app/forget" }, "a");
      client.send("SEND", { destination: "/app/forget", receipt: "r" }, "b");
      await system.frame();
      system.cut();

      expect((await client.frame()).headers.get("receipt-id")).to.equal("r");
      expect(failed.map(({ error }) => (error.cause as Error).name)).to.deep.equal([
        "BrokerNotAvailableError",
        "BrokerNotAvailableError",
      ]);

      await stage.broker.close();
      await stage.available(false);
      void stage.server.messaging.template.convertAndSend("/topic/by-route", "x");
      const { destination, error } = await told;
      expect(destination).to.equal("/topic/by-route");
      expect(error).to.be.instanceOf(BrokerNotAvailableError);
    });

    it("rejects what was in flight when the connection was lost, and sends again when it is back", async () => {
      await start({ broker: { receipts: false } });
      const { template } = stage.server.messaging;
      const all = [1, 2, 3].map((n) => rejection(template.convertAndSend("/topic/a", n)));
      const first = await system.frame();
      system.send("RECEIPT", { "receipt-id": `${first.headers.get("receipt")}0` });
      await system.frame();
      system.cut();
      for (const error of await Promise.all(all)) expect(error).to.be.instanceOf(BrokerNotAvailableError);

      stage.broker.options = {};
      await stage.system();
      await template.convertAndSend("/topic/a", "again");
    });

    it("rejects what the broker refuses, with its reason", async () => {
      await start({ broker: { receipts: false } });
      const refused = rejection(stage.server.messaging.template.convertAndSend("/topic/a/b", "x"));
      await system.frame();
      system.send(
        "ERROR",
        { message: "Invalid destination" },
        "'a/b' is not a valid topic destination\nmore",
      );
      system.socket.end();
      const error = await refused;
      expect(error).to.be.instanceOf(MessageDeliveryError);
      expect(error.message).to.equal("Invalid destination: 'a/b' is not a valid topic destination");
    });
  });

  describe("when the broker refuses what the application does", () => {
    it("says so to the one sender, if it names the receipt", async () => {
      await start({ broker: { receipts: false } });
      const { template } = stage.server.messaging;
      const [bad, good] = [
        rejection(template.convertAndSend("/topic/a", 1)),
        template.convertAndSend("/topic/b", 2),
      ];
      const [one, two] = [await system.frame(), await system.frame()];
      system.send("ERROR", { message: "No", "receipt-id": one.headers.get("receipt")! });
      system.send("RECEIPT", { "receipt-id": two.headers.get("receipt")! });
      expect((await bad).message).to.equal("No");
      await good;
    });

    it("blames nobody else, if it names a receipt that is not waited for any more", async () => {
      await start({ broker: { receipts: false } });
      const sent = stage.server.messaging.template.convertAndSend("/topic/a", 1);
      const { headers } = await system.frame();
      system.send("ERROR", { message: "Too late", "receipt-id": "gone" });
      system.send("RECEIPT", { "receipt-id": headers.get("receipt")! });
      await sent;
    });

    it("says so to the right one, if it names none, as soon as the others are confirmed", async () => {
      await start({ broker: { receipts: false } });
      const { template } = stage.server.messaging;
      const sent = [1, 2, 3, 4].map((n) => template.convertAndSend("/topic/a", n).then(() => "", String));
      const ids: string[] = [];
      for (const _ of sent) ids.push((await system.frame()).headers.get("receipt")!);
      system.send("ERROR", { message: "No to 2" });
      system.send("RECEIPT", { "receipt-id": ids[3]! });
      system.send("ERROR", { message: "No to 3" });
      system.send("RECEIPT", { "receipt-id": ids[0]! });
      expect(await Promise.all(sent)).to.deep.equal([
        "",
        "MessageDeliveryError: No to 2",
        "MessageDeliveryError: No to 3",
        "",
      ]);
      const next = template.convertAndSend("/topic/a", "later ones are not meant");
      system.send("RECEIPT", { "receipt-id": (await system.frame()).headers.get("receipt")! });
      await next;
    });

    it("tells all whose messages were in flight, if it closes", async () => {
      await start({ broker: { receipts: false } });
      const { template } = stage.server.messaging;
      const all = [1, 2].map((n) => rejection(template.convertAndSend("/topic/a", n)));
      await system.frame();
      await system.frame();
      system.send("ERROR", { message: "No" });
      system.socket.end();
      for (const error of await Promise.all(all)) {
        expect(error).to.be.instanceOf(BrokerNotAvailableError);
        expect(error.message).to.match(/closed the connection, after ERROR: No$/);
      }
    });
  });
});
