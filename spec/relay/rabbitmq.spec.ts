import { expect } from "chai";
import { onRabbitMq } from "../support/brokers.js";
import { decoded, fresh, RealBrokerStage, receipt } from "../support/real-broker-stage.js";

describe("The relay", function () {
  this.timeout(60_000);
  const stage = new RealBrokerStage();

  afterEach(() => stage.close());

  onRabbitMq((broker) => {
    it("explains destinations that RabbitMQ does not have", async () => {
      await stage.start(broker());
      const refusals = [];
      for (const destination of ["/topic/a/b", "/elsewhere/a", "/exchange/nobody/a"]) {
        refusals.push(await (await stage.connect()).refusal("SEND", { destination }));
      }
      expect(refusals[0]).to.match(/^Invalid destination: '\/a\/b' is not a valid topic destination/);
      expect(refusals[1]).to.match(/^Unknown destination: '\/?elsewhere\/a' is not a valid destination/);
      expect(refusals[2]).to.match(/no exchange 'nobody'/);
    });

    it("tells the application what RabbitMQ refuses, and harms nothing else", async () => {
      await stage.start(broker());
      const { template } = stage.server.messaging;
      const error = await template.convertAndSend("/topic/a/b", "x").catch((refused: Error) => refused);
      expect((error as Error).message).to.match(
        /Invalid destination: '\/a\/b' is not a valid topic destination/,
      );
      expect(stage.server.messaging.isBrokerAvailable()).to.equal(true);
      await template.convertAndSend(fresh("topic"), "x");
    });

    it("carries answers to temporary queues", async () => {
      await stage.start(broker());
      const destination = fresh("queue");
      const [asking, answering] = [await stage.connect(), await stage.connect()];
      await receipt(answering, "SUBSCRIBE", { id: "1", destination });
      asking.send("SEND", { destination, "reply-to": "/temp-queue/mine" }, "what?");
      const question = await answering.frame();
      answering.send("SEND", { destination: decoded(question, "reply-to") }, "that");
      const answer = await asking.frame();
      expect([answer.headers.get("subscription"), answer.body]).to.deep.equal(["/temp-queue/mine", "that"]);
    });

    it("carries exchanges, patterns, existing queues, and prefetch", async () => {
      await stage.start(broker());
      const client = await stage.connect();
      const queue = fresh("queue");
      await receipt(client, "SUBSCRIBE", { id: "x", destination: "/exchange/amq.topic/relay.#" });
      client.send("SEND", { destination: "/topic/relay.a.b" }, "by its exchange");
      expect((await client.frame()).body).to.equal("by its exchange");

      const worker = await stage.connect();
      for (const work of ["1", "2"]) await receipt(worker, "SEND", { destination: queue }, work);
      const headers = { ack: "client-individual", "prefetch-count": "1" };
      worker.send("SUBSCRIBE", { id: "q", destination: `/amq${queue}`, ...headers });
      const first = await worker.frame();
      expect([first.body, (await worker.messages()).length]).to.deep.equal(["1", 0]);
      worker.send("ACK", { id: decoded(first, "ack").replaceAll(":", "\\c") });
      expect((await worker.frame()).body).to.equal("2");
    });

    it("carries durable subscriptions, until they are ended, with passQueueHeaders", async () => {
      await stage.start(broker(), { passQueueHeaders: true });
      const destination = fresh("topic");
      const durable = { durable: "true", "auto-delete": "false" };
      const before = await stage.connect();
      await receipt(before, "SUBSCRIBE", { id: "d", destination, ...durable });
      before.send("DISCONNECT", { receipt: "bye" });
      await before.frame();
      await stage.server.messaging.template.convertAndSend(destination, "meanwhile");

      const after = await stage.connect();
      after.send("SUBSCRIBE", { id: "d", destination, ...durable });
      expect((await after.frame()).body).to.equal("meanwhile");
      await receipt(after, "UNSUBSCRIBE", { id: "d", ...durable });
      await stage.server.messaging.template.convertAndSend(destination, "for nobody");
      await receipt(after, "SUBSCRIBE", { id: "d", destination, ...durable });
      await stage.server.messaging.template.convertAndSend(destination, "since then");
      expect((await after.frame()).body).to.equal("since then");
      await receipt(after, "UNSUBSCRIBE", { id: "d", ...durable });
    });

    it("keeps another's queue from who names it in a header", async () => {
      await stage.start(broker());
      const queue = fresh("queue");
      const name = queue.slice("/queue/".length);
      await stage.server.messaging.template.convertAndSend(queue, "for its owner");
      const named = { id: "t", destination: fresh("topic"), durable: "true", "x-queue-name": name };
      expect(await (await stage.connect()).refusal("SUBSCRIBE", named)).to.match(/^The header durable/);

      // Over a connection of its own RabbitMQ would delete it.
      const stranger = await stage.connect();
      await receipt(stranger, "SUBSCRIBE", { id: "t", destination: named.destination });
      await receipt(stranger, "UNSUBSCRIBE", { id: "t", durable: "true", "x-queue-name": name });
      await receipt(stranger, "UNSUBSCRIBE", named);

      const owner = await stage.connect();
      owner.send("SUBSCRIBE", { id: "1", destination: queue });
      expect((await owner.frame()).body).to.equal("for its owner");
    });

    it("ends a queue that a client may name, with passQueueHeaders", async () => {
      await stage.start(broker(), { passQueueHeaders: true });
      const destination = fresh("topic");
      const queue = fresh("queue");
      const name = queue.slice("/queue/".length);
      const durable = { durable: "true", "auto-delete": "false" };
      const client = await stage.connect();
      await receipt(client, "SUBSCRIBE", { id: "d", destination, ...durable, "x-queue-name": name });
      await receipt(client, "UNSUBSCRIBE", { id: "d", ...durable });
      expect(await client.refusal("SUBSCRIBE", { id: "q", destination: `/amq${queue}` })).to.match(
        /no queue '/,
      );
    });

    it("does not tell clients whose login it was that RabbitMQ refused", async () => {
      await stage.start(broker(), { clientPasscode: "swordfish" });
      const error = await stage.connect().catch((refused: Error) => refused.message);
      expect(error).to.equal("ERROR instead of CONNECTED");
      expect(stage.server.log.join("\n")).to.match(
        /refused a client's connection: Bad CONNECT: Access refused for user 'guest'/,
      );
      expect(stage.server.log.join("\n")).not.to.include("swordfish");
    });
  });
});
