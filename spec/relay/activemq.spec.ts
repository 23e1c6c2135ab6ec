import { expect } from "chai";
import { onActiveMq } from "../support/brokers.js";
import { decoded, fresh, RealBrokerStage, receipt } from "../support/real-broker-stage.js";

describe("The relay", function () {
  this.timeout(60_000);
  const stage = new RealBrokerStage();

  afterEach(() => stage.close());

  onActiveMq((broker) => {
    it("carries durable subscriptions by client-id, with passQueueHeaders", async () => {
      await stage.start(broker(), { passQueueHeaders: true });
      const destination = fresh("topic");
      const durable = { id: "d", destination, "activemq.subscriptionName": "mine" };
      const before = await stage.connect("1.2", { "client-id": `relay-${process.pid}` });
      await receipt(before, "SUBSCRIBE", durable);
      before.send("DISCONNECT", { receipt: "bye" });
      await before.frame();
      await stage.server.messaging.template.convertAndSend(destination, "meanwhile");

      const after = await stage.connect("1.2", { "client-id": `relay-${process.pid}` });
      after.send("SUBSCRIBE", durable);
      expect((await after.frame()).body).to.equal("meanwhile");
    });

    it("carries answers to temporary queues", async () => {
      await stage.start(broker(), { destinationPrefixes: [] });
      const destination = fresh("queue");
      const [asking, answering] = [await stage.connect(), await stage.connect()];
      await receipt(asking, "SUBSCRIBE", { id: "t", destination: "/temp-queue/mine" });
      await receipt(answering, "SUBSCRIBE", { id: "1", destination });
      asking.send("SEND", { destination, "reply-to": "/temp-queue/mine" }, "what?");
      const question = await answering.frame();
      answering.send("SEND", { destination: decoded(question, "reply-to").replaceAll(":", "\\c") }, "that");
      const answer = await asking.frame();
      expect([answer.headers.get("subscription"), answer.body]).to.deep.equal(["t", "that"]);
    });

    it("carries prefetch", async () => {
      await stage.start(broker());
      const destination = fresh("queue");
      const worker = await stage.connect();
      for (const work of ["1", "2"]) await receipt(worker, "SEND", { destination }, work);
      const headers = { ack: "client-individual", "activemq.prefetchSize": "1" };
      worker.send("SUBSCRIBE", { id: "q", destination, ...headers });
      const first = await worker.frame();
      expect([first.body, (await worker.messages()).length]).to.deep.equal(["1", 0]);
      worker.send("ACK", { id: decoded(first, "ack").replaceAll(":", "\\c") });
      expect((await worker.frame()).body).to.equal("2");
    });

    it("chooses by selectors, and carries wildcards", async () => {
      await stage.start(broker());
      const client = await stage.connect();
      const topic = fresh("topic");
      await receipt(client, "SUBSCRIBE", { id: "1", destination: `${topic}.>`, selector: "color = 'red'" });
      for (const color of ["blue", "red"]) {
        await stage.server.messaging.template.convertAndSend(`${topic}.a.b`, color, { color });
      }
      expect((await client.frame()).body).to.equal("red");
    });

    it("ends a session with ActiveMQ's own words, and no stack trace", async () => {
      await stage.start(broker());
      const text = await (await stage.connect()).refusal("ACK", { id: "nothing" });
      expect(text).to.match(/^Unexpected ACK received for message-id/);
      expect(text).not.to.match(/\tat |Exception/);
    });
  });
});
