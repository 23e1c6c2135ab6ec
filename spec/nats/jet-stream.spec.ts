import { jetstream } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { expect } from "chai";
import { type JetStreamClient, natsJetStream } from "express-stomp/nats";
import { Heard } from "../support/heard.js";
import { onNats } from "../support/stores.js";

describe("natsJetStream", function () {
  this.timeout(60_000);

  onNats((server) => {
    let connection: NatsConnection;

    beforeEach(async () => {
      connection = await connect({ servers: `127.0.0.1:${server().port}` });
    });

    afterEach(() => connection.close());

    it("says that some are missing when they are trimmed while they are read", async () => {
      const stream = "trimmed-meanwhile";
      const client = jetstream(connection);
      const { streams } = await client.jetstreamManager();
      let trim = async () => {};
      const jetStream: JetStreamClient = {
        publish: (...args) => client.publish(...args),
        jetstreamManager: () => client.jetstreamManager(),
        consumers: {
          get: async (...args) => {
            await trim();
            return client.consumers.get(...args);
          },
        },
      };
      const backplane = natsJetStream({ connection, jetStream, stream, storage: "memory" });
      const heard = await Heard.on(backplane);
      try {
        for (const each of ["a", "b", "c", "d"]) await backplane.publish(Buffer.from(each));
        await heard.count(4);
        trim = async () => void (await streams.purge(stream, { seq: 4 }));
        const { entries, complete } = await backplane.log!.since(heard.positions[0]!, 10);
        expect(entries.map(({ bytes }) => Buffer.from(bytes).toString())).to.deep.equal(["d"]);
        expect(complete).to.equal(false);
      } finally {
        await backplane.close();
      }
    });

    it("says at once which storage there is", () => {
      const jetStream = jetstream(connection);
      const storage = "disk" as "file";
      expect(() => natsJetStream({ connection, jetStream, storage })).to.throw(
        'storage is "file" or "memory", not "disk"',
      );
    });
  });
});
