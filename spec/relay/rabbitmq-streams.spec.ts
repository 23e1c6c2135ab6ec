import { randomUUID } from "node:crypto";
import { Client, type IMessage } from "@stomp/stompjs";
import { expect } from "chai";
import { resuming } from "express-stomp/client";
import WebSocket from "ws";
import { onRabbitMq } from "../support/brokers.js";
import { RealBrokerStage, receipt } from "../support/real-broker-stage.js";

describe("resuming(client) on a stream", function () {
  this.timeout(60_000);
  const stage = new RealBrokerStage();
  let client: Client;

  afterEach(async () => {
    await client?.deactivate({ force: true });
    await stage.close();
  });

  onRabbitMq((broker) => {
    it("goes on behind the last offset, each message once", async () => {
      await stage.start(broker(), { passQueueHeaders: true });
      const queue = `stream.${randomUUID()}`;
      const sockets: WebSocket[] = [];
      client = new Client({
        webSocketFactory: () => {
          const socket = new WebSocket(`ws://127.0.0.1:${stage.server.port}/ws`, ["v12.stomp"]);
          sockets.push(socket);
          return socket;
        },
        reconnectDelay: 1,
      });
      const heard: string[] = [];
      let look = () => {};
      const note = (text: string) => {
        heard.push(text);
        look();
      };
      const until = async (count: number) => {
        while (heard.length < count) {
          await new Promise<void>((resolve) => {
            look = resolve;
          });
        }
      };
      // It declares the stream.
      const headers = { "x-queue-type": "stream", durable: "true", "auto-delete": "false" };
      const first = new Promise((resolve) => stage.server.messaging.on("subscribed", resolve));
      resuming(client).subscribe(`/queue/${queue}`, ({ body }: IMessage) => note(body), {
        headers,
        stream: true,
        onReload: () => note("reload"),
      });
      client.activate();
      await first;
      const sender = await stage.connect();
      const send = (body: string) => receipt(sender, "SEND", { destination: `/amq/queue/${queue}` }, body);
      for (const body of ["1", "2"]) await send(body);
      await until(2);
      const gone = new Promise((resolve) => stage.server.messaging.on("disconnect", resolve));
      sockets[0]!.terminate();
      await gone;
      for (const body of ["3", "4"]) await send(body);
      await until(4);

      expect(heard).to.deep.equal(["1", "2", "3", "4"]);
      expect(sockets.length).to.be.above(1);
    });
  });
});
