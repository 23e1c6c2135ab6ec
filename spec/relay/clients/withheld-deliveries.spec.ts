import { expect } from "chai";
import { onEachBroker } from "../../support/brokers.js";
import { RealBrokerStage, receipt } from "../../support/real-broker-stage.js";
import { RelayStage } from "../../support/relay-stage.js";
import type { ScriptedLine } from "../../support/scripted-broker.js";
import type { StompSession } from "../../support/stomp-session.js";

describe("What the relay withholds from a client", () => {
  describe("that acknowledges", () => {
    let stage: RelayStage;
    let client: StompSession;
    let line: ScriptedLine;

    beforeEach(async () => {
      stage = await RelayStage.open();
      await stage.system();
    });

    afterEach(() => stage.close());

    async function subscribe(ack: string, version = "1.2") {
      ({ client, line } = await stage.connect(version));
      client.send("SUBSCRIBE", { id: "s", destination: "/topic/#", ack });
      await line.until("SUBSCRIBE");
    }

    /** A MESSAGE of the broker, for the client or for servers only. */
    function deliver(id: string, headers = {}) {
      const names =
        line.version === "1.2" ? { ack: id, "message-id": `message ${id}` } : { "message-id": id };
      line.send("MESSAGE", { destination: "/topic/a", subscription: "s", ...names, ...headers }, id);
    }

    function withhold(id: string, headers = {}) {
      deliver(id, { "express-stomp-servers-only": "1", ...headers });
    }

    /** What is acknowledged up to a SEND that the client has sent behind. */
    async function acknowledged(): Promise<(string | undefined)[]> {
      client.send("SEND", { destination: "/topic/end" });
      const ids: (string | undefined)[] = [];
      for (;;) {
        const { command, headers } = await line.frame();
        if (command === "SEND") return ids;
        if (command === "ACK") ids.push(headers.get("id") ?? headers.get("message-id"));
      }
    }

    it("is acknowledged at once where each message has its own ACK", async () => {
      await subscribe("client-individual");
      deliver("1");
      withhold("2");
      deliver("3");
      expect([(await client.frame()).body, (await client.frame()).body]).to.deep.equal(["1", "3"]);
      expect(await acknowledged()).to.deep.equal(["2"]);
    });

    it("is acknowledged when an ACK counts for nothing that the client still has", async () => {
      await subscribe("client");
      withhold("1");
      withhold("2");
      deliver("3");
      withhold("4");
      withhold("5");
      deliver("6");
      withhold("7");
      deliver("8");
      for (const id of ["3", "6", "8"]) expect((await client.frame()).body).to.equal(id);
      expect(await acknowledged()).to.deep.equal(["1", "2"]);
      client.send("ACK", { id: "3" });
      expect(await acknowledged()).to.deep.equal(["3", "5"]);
      // The client's own counts for what was withheld before.
      client.send("ACK", { id: "8" });
      expect(await acknowledged()).to.deep.equal(["8"]);
    });

    it("waits for what the client has of another subscription, of which each message has its own ACK", async () => {
      await subscribe("client-individual");
      client.send("SUBSCRIBE", { id: "c", destination: "/topic/b", ack: "client" });
      await line.until("SUBSCRIBE");
      deliver("1");
      deliver("2");
      withhold("3", { subscription: "c" });
      for (const id of ["1", "2"]) expect((await client.frame()).body).to.equal(id);
      client.send("ACK", { id: "2" });
      expect(await acknowledged()).to.deep.equal(["2"]);
      client.send("ACK", { id: "1" });
      expect(await acknowledged()).to.deep.equal(["1", "3"]);
    });

    it("is acknowledged by message-id and subscription before STOMP 1.2", async () => {
      await subscribe("client", "1.1");
      deliver("1");
      withhold("2");
      await client.frame();
      client.send("ACK", { "message-id": "1", subscription: "s" });
      await line.until("ACK");
      expect(Object.fromEntries((await line.frame()).headers)).to.deep.equal({
        "message-id": "2",
        subscription: "s",
      });
    });

    it("waits for what a transaction may still give back", async () => {
      await subscribe("client");
      deliver("1");
      withhold("2");
      await client.frame();
      client.send("BEGIN", { transaction: "t" });
      client.send("ACK", { id: "1", transaction: "t" });
      expect(await acknowledged()).to.deep.equal(["1"]);
    });
  });

  describe("with a prefetch of its own", function () {
    this.timeout(60_000);
    const stage = new RealBrokerStage();

    afterEach(() => stage.close());

    onEachBroker((broker, name) => {
      const [all, prefetch] = name === "RabbitMQ" ? ["#", "prefetch-count"] : [">", "activemq.prefetchSize"];
      for (const ack of ["client", "client-individual"]) {
        it(`does not use it up, ack:${ack}`, async () => {
          await stage.start(broker(), {
            userDestinationBroadcast: "/topic/servers.users",
            secret: "a secret of the servers",
          });
          const client = await stage.connect();
          await receipt(client, "SUBSCRIBE", {
            id: "1",
            destination: `/topic/servers.${all}`,
            ack,
            [prefetch]: "2",
          });
          const { template } = stage.server.messaging;
          for (let n = 0; n < 5; n++) await template.convertAndSendToUser("rod", "/queue/x", "for servers");
          await template.convertAndSend("/topic/servers.news", "for all");
          expect((await client.frame()).body).to.equal("for all");
        });
      }
    });
  });
});
