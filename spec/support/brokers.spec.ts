import { connect } from "node:net";
import { expect } from "chai";
import { type FaultProxy, faultProxy } from "express-stomp/testing";
import type { RealBroker } from "../../example/shared/broker-process.js";
import { onActiveMq, onEachBroker, onRabbitMq } from "./brokers.js";
import { TcpStomp } from "./tcp-stomp.js";

describe("The brokers of the specs", function () {
  this.timeout(120_000);

  onEachBroker((broker) => {
    it("pass on what is sent to a topic", async () => {
      const client = await TcpStomp.connect(broker());
      client.send("SUBSCRIBE", { id: "0", destination: "/topic/specs", receipt: "1" });
      expect((await client.frame()).command).to.equal("RECEIPT");
      client.send("SEND", { destination: "/topic/specs" }, "hello");
      const { command, body } = await client.frame();
      expect([command, body]).to.deep.equal(["MESSAGE", "hello"]);
      client.cut();
    });
  });

  onRabbitMq((broker) => {
    it("come back on the same port, with their durable queues, when they were killed", async () => {
      const { port } = broker();
      const client = await TcpStomp.connect(broker());
      const durable = { durable: "true", "auto-delete": "false", persistent: "true" };
      client.send("SEND", { destination: "/queue/kept", receipt: "1", ...durable }, "kept");
      await client.frame();

      await broker().kill();
      await client.closed();
      await broker().restart();

      expect(broker().port).to.equal(port);
      const next = await TcpStomp.connect(broker());
      next.send("SUBSCRIBE", { id: "0", destination: "/queue/kept", ...durable });
      expect((await next.frame()).body).to.equal("kept");
      next.cut();
    });
  });
});

describe("FaultProxy", () => {
  onActiveMq((broker) => {
    let proxy: FaultProxy;
    let client: TcpStomp;

    beforeEach(async () => {
      proxy = await faultProxy(broker());
      client = await TcpStomp.connect(through(proxy, broker()));
    });

    afterEach(async () => {
      client.cut();
      await proxy.close();
    });

    it("passes everything on", async () => {
      client.send("BEGIN", { transaction: "1", receipt: "begun" });
      expect((await client.frame()).headers.get("receipt-id")).to.equal("begun");
      expect(proxy.connections).to.equal(1);
    });

    it("cuts", async () => {
      proxy.cut();
      await client.closed();
    });

    it("holds everything back while stalled, and loses none of it", async () => {
      proxy.stall();
      client.send("BEGIN", { transaction: "1", receipt: "begun" });
      const answer = client.frame();
      const other = await TcpStomp.connect(broker());
      other.cut();
      proxy.resume();
      expect((await answer).headers.get("receipt-id")).to.equal("begun");
    });

    it("keeps the order of what it delays", async () => {
      proxy.delay(20);
      for (const receipt of ["1", "2", "3"]) client.send("BEGIN", { transaction: receipt, receipt });
      const receipts = [await client.frame(), await client.frame(), await client.frame()];
      expect(receipts.map(({ headers }) => headers.get("receipt-id"))).to.deep.equal(["1", "2", "3"]);
    });

    it("refuses new connections only", async () => {
      proxy.refuse();
      const refused = connect(proxy.port, proxy.host).on("error", () => {});
      await new Promise((resolve) => refused.on("close", resolve));
      client.send("BEGIN", { transaction: "1", receipt: "begun" });
      expect((await client.frame()).command).to.equal("RECEIPT");
    });
  });
});

function through({ host, port }: FaultProxy, broker: RealBroker): RealBroker {
  return { name: broker.name, login: broker.login, passcode: broker.passcode, host, port };
}
