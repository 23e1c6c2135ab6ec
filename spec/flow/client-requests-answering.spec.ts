import { setImmediate as nextTurn } from "node:timers/promises";
import { Client } from "@stomp/stompjs";
import { expect } from "chai";
import { type StandardSchema } from "express-stomp";
import { answering } from "express-stomp/client";
import WebSocket from "ws";
import { systemClock } from "#lib/clock/clock.js";
import { RelayStage } from "../support/relay-stage.js";
import { login, RequestStage } from "../support/request-stage.js";
import { StompSession } from "../support/stomp-session.js";

describe("template.request", () => {
  const stage = new RequestStage();
  const { start, open, ask, answer, reason } = stage;

  afterEach(() => stage.close());

  describe("whose schema takes its time", () => {
    let letGo: () => void;
    let isAsked: Promise<void>;
    let schema: StandardSchema<number>;

    beforeEach(() => {
      let asks = () => {};
      isAsked = new Promise((resolve) => {
        asks = resolve;
      });
      const gate = new Promise<void>((resolve) => {
        letGo = resolve;
      });
      const validate = async (value: unknown) => {
        asks();
        await gate;
        return { value: Number(value) };
      };
      schema = { "~standard": { version: 1, vendor: "spec", validate } };
    });

    /** Asks, and has the client answer 7, which the schema looks at then. */
    async function answered(): Promise<{ readonly client: StompSession; readonly asked: Promise<unknown> }> {
      const client = await open();
      const asked = ask({ schema }).catch((error: unknown) => error);
      answer(client, await client.frame(), "7");
      await isAsked;
      return { client, asked };
    }

    it("counts among those that are open, and takes no second answer", async () => {
      await start({ requestLimit: 1 });
      const other = await open();
      const { asked } = await answered();
      expect(await reason(ask())).to.equal("limit");
      answer(other, await other.frame(), "8", { receipt: "r" });
      expect((await other.frame()).headers.get("receipt-id")).to.equal("r");
      letGo();
      expect(await asked).to.equal(7);
      const again = ask();
      answer(other, await other.frame(), "9");
      expect(await again).to.equal(9);
    });

    it("is waited for by close, though its session ends", async () => {
      await start();
      const { client, asked } = await answered();
      const ended = new Promise((resolve) => stage.server.messaging.on("disconnect", resolve));
      client.cut();
      const closed = stage.server.messaging.close();
      letGo();
      expect(await asked).to.equal(7);
      await Promise.all([closed, ended]);
    });

    it("rejects when close waits no longer", async () => {
      await start();
      const { asked } = await answered();
      const closed = stage.server.messaging.close({ drainMs: 100 });
      stage.time.pass(100);
      await closed;
      expect(await asked).to.include({ reason: "closed" });
    });
  });

  describe("and answering of express-stomp/client", () => {
    let page: Client;

    const subscribed = () =>
      new Promise<void>((resolve) => {
        const stop = stage.server.messaging.on("subscribed", () => {
          stop();
          resolve();
        });
      });

    afterEach(() => page.deactivate());

    it("resolves with what the handler returns, over reconnects, and rejects with what it throws", async () => {
      await start({ clock: systemClock });
      const answers: ((question: { text: string }) => unknown)[] = [
        ({ text }) => `${text} yes`,
        async () => ({ sure: true }),
        () => undefined,
        () => {
          throw new Error("not now");
        },
        () => "fifth",
      ];
      page = new Client({
        webSocketFactory: () => new WebSocket(`ws://127.0.0.1:${stage.server.port}/ws`, ["v12.stomp"]),
        connectHeaders: { login: "rod" },
        reconnectDelay: 1,
      });
      let next = 0;
      const handle = answering(page, "/user/queue/confirm", (question: { text: string }) =>
        answers[next++]?.(question),
      );
      const first = subscribed();
      page.activate();
      await first;

      expect(await ask()).to.equal("Sure? yes");
      const again = subscribed();
      page.forceDisconnect();
      await again;
      expect(await ask()).to.deep.equal({ sure: true });
      expect(await ask()).to.equal(undefined);
      expect(await ask().catch((error: Error) => error.message)).to.match(/answered with an error: not now$/);
      // Another could have written that: it is answered by nobody.
      const elsewhere = { "reply-to": "/topic/elsewhere", "correlation-id": "1" };
      await stage.server.messaging.template.convertAndSendToUser("rod", "/queue/confirm", {}, elsewhere);
      expect(await ask()).to.equal("fifth");
      handle.stop();
      await nextTurn();
      while (stage.server.messaging.userRegistry.findSubscriptions(() => true).length > 0) await nextTurn();
      expect(await reason(ask())).to.equal("nobody");
    });
  });
});

describe("template.request with the relay", () => {
  it("asks a user whose broker took a destination that is no pattern of ours", async () => {
    const stage = await RelayStage.open({ server: { clientInboundChannel: { interceptors: [login] } } });
    await stage.system();
    const { messaging } = stage.server;
    const subscribed = new Promise((resolve) => messaging.on("subscribed", resolve));
    const client = await StompSession.connect(stage.server.port, "1.2", { login: "rod" });
    client.send("SUBSCRIBE", { id: "odd", destination: "/topic/{a}/{a}" });
    await subscribed;
    const answer = await messaging.template
      .request("rod", "/queue/confirm", "?")
      .catch((error: unknown) => error);
    expect(answer).to.include({ name: "ClientRequestError", reason: "nobody" });
    client.cut();
    await stage.close();
  });

  it("asks past the broker, and takes the answer itself", async () => {
    const stage = await RelayStage.open({
      broker: { receipts: true },
      server: { clientInboundChannel: { interceptors: [login] } },
    });
    await stage.system();
    const client = await StompSession.connect(stage.server.port, "1.2", { login: "rod" });
    client.send("SUBSCRIBE", { id: "q", destination: "/user/queue/confirm" });
    await client.messages();
    const asked = stage.server.messaging.template.request("rod", "/queue/confirm", "?");
    const { headers } = await client.frame();
    client.send(
      "SEND",
      {
        destination: headers.get("reply-to") ?? "",
        "correlation-id": headers.get("correlation-id") ?? "",
      },
      "7",
    );
    expect(await asked).to.equal(7);
    client.cut();
    await stage.close();
  });
});
