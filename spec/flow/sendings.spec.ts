import { once } from "node:events";
import { expect } from "chai";
import { type MessagingEvents } from "express-stomp";
import { caught, LONG, SendingsStage, turns } from "../support/sendings-stage.js";

describe("What the application sends and does not await", () => {
  const stage = new SendingsStage();
  const { start, send, announced } = stage;

  afterEach(() => stage.close());

  for (const method of ["forgets", "forgets-async", "chains", "returns", "by-channel"]) {
    for (const destination of ["/topic/refused", "/topic/late", LONG]) {
      it(`fails the message: ${method} ${destination.slice(0, 20)}`, async () => {
        await start();
        send(method, destination, "r");

        expect(await stage.client.frame())
          .to.match(/^ERROR\n/)
          .and.to.contain("receipt-id:r\n");
        expect([stage.errors.length, stage.failures.length, caught.length]).to.deep.equal([1, 0, 0]);
      });
    }
  }

  for (const method of ["forgets-user", "forgets-value", "forgets-destination", "chains-two", "invalid"]) {
    it(`fails the message: ${method}`, async () => {
      await start();
      send(method, "/queue/a", "r");

      expect(await stage.client.frame())
        .to.match(/^ERROR\n/)
        .and.to.contain("receipt-id:r\n");
      expect([stage.errors.length, stage.failures.length]).to.deep.equal([1, 0]);
    });
  }

  it("costs the message alone when nobody asked for a receipt", async () => {
    await start();
    send("forgets", LONG);
    send("forgets", "/topic/late");

    expect(await stage.client.synchronize()).to.deep.equal([]);
    expect([stage.errors.length, stage.failures.length]).to.deep.equal([2, 0]);
  });

  for (const method of ["awaits", "awaits-later", "catches"]) {
    for (const destination of ["/topic/refused", "/topic/late"]) {
      it(`is the method's own where it takes it: ${method} ${destination}`, async () => {
        await start();
        send(method, destination, "r");

        expect(await stage.client.frame()).to.equal("RECEIPT\nreceipt-id:r\n\n^@");
        expect(caught.map(String)).to.deep.equal([`MessageDeliveryError: ${destination} is refused`]);
        expect(announced()).to.deep.equal({ failed: [], told: [] });
      });
    }
  }

  it("is the method's own where it awaits several", async () => {
    await start();
    send("awaits-all", "", "r");

    expect(await stage.client.frame()).to.equal("RECEIPT\nreceipt-id:r\n\n^@");
    expect(caught).to.deep.equal(["rejected", "rejected", "fulfilled"]);
    expect(announced()).to.deep.equal({ failed: [], told: [] });
  });

  it("has the message handled when it is sent, and the next one then", async () => {
    await start();
    stage.client.send("SUBSCRIBE\nid:1\ndestination:/topic/held\n\n^@");
    const held = once(stage.refusing.held, "holds");
    send("forgets", "/topic/held", "r");
    send("catches", "/topic/refused", "next");
    await held;
    await turns(5);
    const before = [...caught];
    stage.refusing.held.emit("release");

    expect(before).to.deep.equal([]);
    expect(await stage.client.frame()).to.match(/^MESSAGE\n/);
    expect(await stage.client.frame()).to.contain("receipt-id:r\n");
    expect(await stage.client.frame()).to.contain("receipt-id:next\n");
    expect(caught).to.have.length(1);
  });

  it("fails the message by handlerTimeout when it hangs", async () => {
    await start({
      handlerTimeout: 30,
      brokerChannel: { interceptors: [{ preSend: () => new Promise(() => {}) }] },
    });
    send("forgets", "/topic/a", "r");

    expect(await stage.client.frame()).to.contain("receipt-id:r\n");
    expect(announced().failed).to.have.length(1);
  });

  it("tells what fails beside the method's own fault, and beside another one", async () => {
    await start();
    send("throws", "/topic/late");
    send("two");
    await stage.client.synchronize();

    expect(announced()).to.deep.equal({
      failed: ["by itself", "/topic/refused/1 is refused"],
      told: ["/topic/late: /topic/late is refused", "/topic/late/2: /topic/late/2 is refused"],
    });
  });

  it("keeps the reply back", async () => {
    await start();
    stage.client.send("SUBSCRIBE\nid:1\ndestination:/topic/replies\n\n^@");
    stage.client.send("SUBSCRIBE\nid:2\ndestination:/app/init\n\n^@");
    send("replies", "/topic/refused");
    send("replies", "/topic/late");
    send("replies", "/topic/a");

    const frames = await stage.client.synchronize();
    expect(frames).to.have.length(1);
    expect(frames[0]).to.contain("\nreply^@");
    expect(announced().failed).to.have.length(3);
  });

  it("ends a stream of replies, as a throw there", async () => {
    await start();
    stage.client.send("SUBSCRIBE\nid:1\ndestination:/topic/stream\n\n^@");
    const failed = new Promise<MessagingEvents["controllerError"]>((resolve) => {
      stage.server.messaging.on("controllerError", resolve);
    });
    send("stream");
    await failed;

    expect((await stage.client.synchronize()).map((frame) => frame.split("\n\n")[1])).to.deep.equal([
      "first^@",
    ]);
    expect(announced()).to.deep.equal({ failed: ["/topic/late is refused"], told: [] });
  });

  it("is the message's too where a handler takes what the method returned", async () => {
    const returnValueHandlers = [
      {
        supportsReturnType: () => true,
        handleReturnValue: () => void stage.server.messaging.template.convertAndSend("/topic/late", "x"),
      },
    ];
    await start({ returnValueHandlers });
    send("value", "", "r");

    expect(await stage.client.frame())
      .to.match(/^ERROR\n/)
      .and.to.contain("receipt-id:r\n");
    expect(announced()).to.deep.equal({ failed: ["/topic/late is refused"], told: [] });
  });

  it("is the message's too where its payload is judged", async () => {
    await start({
      validator: {
        async validate(value) {
          await turns(1);
          void stage.server.messaging.template.convertAndSend("/topic/late", "x");
          return value;
        },
      },
    });
    send("judged", "{}", "r");

    expect(await stage.client.frame()).to.match(/^ERROR\n/);
    expect(announced()).to.deep.equal({ failed: ["/topic/late is refused"], told: [] });
  });
});
