import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { BrokerNotAvailableError } from "express-stomp";
import { faultProxy } from "express-stomp/testing";
import { onActiveMq, onEachBroker, onRabbitMq } from "../support/brokers.js";
import { named } from "../support/named.js";
import { fresh, RealBrokerStage } from "../support/real-broker-stage.js";
import { TcpStomp } from "../support/tcp-stomp.js";

describe("The relay, when the broker goes away", function () {
  this.timeout(60_000);
  const stage = new RealBrokerStage();

  afterEach(() => stage.close());

  onEachBroker((broker) => {
    it("notices a line that is cut, and works again when it is whole", async () => {
      const proxy = await faultProxy(broker());
      await stage.start({ ...broker(), host: proxy.host, port: proxy.port });
      const client = await stage.connect();
      proxy.refuse();
      proxy.cut();
      expect((await client.frame()).headers.get("message")).to.equal("Broker not available");
      await stage.available(false);

      proxy.refuse(false);
      await stage.available();
      await stage.server.messaging.template.convertAndSend(fresh("topic"), "again");
      await stage.connect();
      await stage.server.close();
      await proxy.close();
    });

    it("notices a line on which nothing comes any more", async () => {
      const proxy = await faultProxy(broker());
      await stage.start(
        { ...broker(), host: proxy.host, port: proxy.port },
        { systemHeartbeatSendInterval: 1_000, systemHeartbeatReceiveInterval: 1_000 },
      );
      const client = await stage.connect();
      proxy.stall();
      const sent = stage.server.messaging.template
        .convertAndSend(fresh("topic"), "lost?")
        .catch((error: Error) => error);
      expect((await client.frame()).headers.get("message")).to.equal("Broker not available");
      expect(await sent).to.be.instanceOf(BrokerNotAvailableError);
      await proxy.close();
    });
  });

  for (const onBroker of [onRabbitMq, onActiveMq]) {
    onBroker((broker) => {
      it("learns what was lost when the broker is killed under load, and recovers", async function () {
        this.timeout(300_000);
        await stage.start(broker());
        const destination = `${fresh("queue")}`;
        const client = await stage.connect();
        const settled = { confirmed: new Set<number>(), rejected: 0 };
        const received = new Set<string>();
        let sending = true;
        const load = (async () => {
          for (let n = 0; sending; n++) {
            await stage.server.messaging.template.convertAndSend(destination, n, { persistent: "true" }).then(
              () => settled.confirmed.add(n),
              (error: Error) => {
                expect(error).to.be.instanceOf(BrokerNotAvailableError);
                settled.rejected++;
              },
            );
            // A loop of sends that are refused at once would keep the broker that starts from the CPU.
            await sleep(5);
          }
        })();
        const clients = (async () => {
          for (let n = 0; ; n++) {
            client.send("SEND", { destination, persistent: "true", receipt: "r" }, `client ${n}`);
            const { command, headers } = await client.frame();
            if (command === "ERROR") return headers.get("message");
            received.add(`client ${n}`);
          }
        })();
        const counts = () =>
          `${settled.confirmed.size} confirmed, ${settled.rejected} rejected, ${received.size} receipts`;
        const confirms = async (count: number) => {
          while (settled.confirmed.size < count) await sleep(5);
        };
        await named("the first confirmations", confirms(50), counts);
        while (received.size < 10) await sleep(5);

        await named("the broker's end", broker().kill());
        await named("its absence", stage.available(false));
        expect(await named("the client's ERROR", clients, counts)).to.equal("Broker not available");
        const before = settled.confirmed.size;
        await named("the broker's start", broker().restart());
        await named("its return", stage.available());
        await named("the confirmations behind it", confirms(before + 10), counts);
        sending = false;
        await named("the last send", load, counts);

        expect(settled.rejected).to.be.greaterThan(0);
        // All that anybody was told of is there, whatever else is.
        const promised = new Set([...received, ...[...settled.confirmed].map(String)]);
        const reader = await TcpStomp.connect(broker());
        reader.send("SUBSCRIBE", { id: "1", destination });
        const allCame = (async () => {
          while (promised.size > 0) promised.delete((await reader.frame()).body);
        })();
        await named("what was promised", allCame, () => `missing: ${[...promised].join(", ")}`);
        reader.cut();
      });
    });
  }
});
