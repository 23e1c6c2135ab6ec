import { jetstream } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { expect } from "chai";
import { type JetStreamClient, natsJetStream } from "express-stomp/nats";
import { rejection } from "../support/channels.js";
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

    it("closes a consumer that begins when nobody wants it any more: it would ask NATS again and again", async () => {
      const client = jetstream(connection);
      let closed = 0;
      let asked = () => {};
      const asking = new Promise<void>((resolve) => {
        asked = resolve;
      });
      let begin = () => {};
      const mayBegin = new Promise<void>((resolve) => {
        begin = resolve;
      });
      const jetStream: JetStreamClient = {
        publish: (...args) => client.publish(...args),
        jetstreamManager: () => client.jetstreamManager(),
        consumers: {
          get: async (...args) => {
            const consumer = await client.consumers.get(...args);
            return {
              async consume(options) {
                asked();
                await mayBegin;
                const begun = await consumer.consume(options);
                return {
                  [Symbol.asyncIterator]: () => begun[Symbol.asyncIterator](),
                  close() {
                    closed++;
                    return begun.close();
                  },
                };
              },
              fetch: (options) => consumer.fetch(options),
              delete: () => consumer.delete(),
            };
          },
        },
      };
      const backplane = natsJetStream({ connection, jetStream, stream: "late", storage: "memory" });
      const heard = new Heard();
      const listening = rejection(backplane.subscribe(heard));
      await asking;
      const closing = backplane.close();
      begin();
      await closing;
      expect((await listening).message).to.include("closed");
      expect(heard.told).to.deep.equal([]);
      expect(closed).to.equal(1);
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
