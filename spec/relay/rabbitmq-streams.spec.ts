import { randomUUID } from "node:crypto";
import { Client, type IMessage } from "@stomp/stompjs";
import { expect } from "chai";
import { resuming } from "express-stomp/client";
import WebSocket from "ws";
import { onRabbitMq } from "../support/brokers.js";
import { RealBrokerStage, receipt } from "../support/real-broker-stage.js";

describe("resuming(client) on a stream", function () {
  this.timeout(120_000);
  const stage = new RealBrokerStage();
  let client: Client;
  let sockets: WebSocket[];
  let heard: string[];
  let look: () => void;

  afterEach(async () => {
    await client?.deactivate({ force: true });
    await stage.close();
  });

  function note(text: string): void {
    heard.push(text);
    look();
  }

  async function until(isEnough: () => boolean): Promise<void> {
    while (!isEnough()) {
      await new Promise<void>((resolve) => {
        look = resolve;
      });
    }
  }

  /** Subscribes to a new stream, which that declares; gives its name. */
  async function listen(kind = "long"): Promise<string> {
    const queue = `stream.${kind}.${randomUUID()}`;
    sockets = [];
    heard = [];
    look = () => {};
    client = new Client({
      webSocketFactory: () => {
        const socket = new WebSocket(`ws://127.0.0.1:${stage.server.port}/ws`, ["v12.stomp"]);
        sockets.push(socket);
        return socket;
      },
      reconnectDelay: 1,
    });
    const subscribed = next("subscribed");
    resuming(client).subscribe(`/queue/${queue}`, ({ body }: IMessage) => note(body.trim()), {
      headers: { "x-queue-type": "stream", durable: "true", "auto-delete": "false" },
      stream: true,
      onReload: () => note("reload"),
    });
    client.activate();
    await subscribed;
    return queue;
  }

  const next = (event: "subscribed" | "disconnect") =>
    new Promise((resolve) => stage.server.messaging.on(event, resolve));

  async function sending(queue: string) {
    const sender = await stage.connect();
    return (body: string) => receipt(sender, "SEND", { destination: `/amq/queue/${queue}` }, body);
  }

  /** The offset of the oldest message that there is. */
  async function firstOffset(queue: string): Promise<number> {
    const reader = await stage.connect();
    const headers = { ack: "client", "prefetch-count": "1", "x-stream-offset": "first" };
    reader.send("SUBSCRIBE", { id: "first", destination: `/amq/queue/${queue}`, ...headers });
    const { headers: first } = await reader.frame();
    reader.cut();
    return Number(first.get("x-stream-offset"));
  }

  onRabbitMq((broker) => {
    beforeEach(() => stage.start(broker(), { passQueueHeaders: true }));

    it("goes on behind the last offset, each message once", async () => {
      const send = await sending(await listen());
      for (const body of ["1", "2"]) await send(body);
      await until(() => heard.length === 2);
      const gone = next("disconnect");
      sockets[0]!.terminate();
      await gone;
      for (const body of ["3", "4"]) await send(body);
      await until(() => heard.length === 4);

      expect(heard).to.deep.equal(["1", "2", "3", "4"]);
      expect(sockets.length).to.be.above(1);
    });

    it("is told to reload when what it has missed was trimmed, and hears what is left", async () => {
      const queue = await listen("short");
      const send = await sending(queue);
      await send("0");
      await until(() => heard.length === 1);
      let comeBack = () => {};
      const isBack = new Promise<void>((resolve) => {
        comeBack = resolve;
      });
      client.beforeConnect = () => isBack;
      const gone = next("disconnect");
      sockets[0]!.terminate();
      await gone;
      let last = 0;
      // RabbitMQ trims when it comes to it.
      while (last < 8 || !((await firstOffset(queue)) > 1)) await send(`${++last}`.padEnd(500));
      comeBack();
      await until(() => heard.includes(`${last}`));

      expect(heard.slice(0, 2)).to.deep.equal(["0", "reload"]);
      const left = heard.slice(2).map(Number);
      expect(left[0]).to.be.above(1);
      expect(left).to.deep.equal(Array.from(left, (_, i) => last - left.length + 1 + i));
    });
  });
});
