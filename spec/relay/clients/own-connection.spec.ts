import { expect } from "chai";
import { RelayStage, type RelayStageOptions } from "../../support/relay-stage.js";

describe("A client behind the relay", () => {
  let stage: RelayStage;

  async function start(options: RelayStageOptions = {}) {
    stage = await RelayStage.open(options);
    await stage.system();
  }

  afterEach(() => stage.close());

  describe("when a client connects", () => {
    it("connects it to the broker, as the client's login, in its version, with what else it says", async () => {
      await start({ relay: { clientLogin: "web", clientPasscode: "pass", virtualHost: "stocks" } });
      const client = await stage.open();
      client.send(
        "CONNECT\naccept-version:1.1,1.0\nhost:x\nlogin:rod\npasscode:own\nheart-beat:0,0\nclient-id:me\nAuthorization:t\nmy-token:t\nX-CSRF-TOKEN:t\n\n^@",
      );
      const line = await stage.broker.line();
      const { headers } = await line.frame();
      expect(Object.fromEntries(headers)).to.deep.equal({
        "accept-version": "1.1",
        "heart-beat": "10000,10000",
        login: "web",
        passcode: "pass",
        host: "stocks",
      });
      expect(await client.frame()).to.match(/^CONNECTED\nversion:1.1\n/);
    });

    it("passes its own login on with passClientLogin", async () => {
      await start({ relay: { passClientLogin: true } });
      const client = await stage.open();
      client.send("CONNECT\naccept-version:1.2\nhost:x\nlogin:rod\npasscode:own\n\n^@");
      const { headers } = await (await stage.broker.line()).frame();
      expect([headers.get("login"), headers.get("passcode")]).to.deep.equal(["rod", "own"]);
    });

    it("answers only when the broker did", async () => {
      await start();
      stage.broker.options = { connects: false };
      const client = await stage.open();
      client.send("CONNECT\naccept-version:1.2\nhost:x\n\n^@");
      const line = await stage.broker.line();
      await line.until("CONNECT");
      line.connected();
      expect(await client.frame()).to.match(/^CONNECTED\n/);
    });

    it("opens one connection, however often CONNECT comes", async () => {
      await start();
      const client = await stage.open();
      client.send("CONNECT\naccept-version:1.2\nhost:x\n\n^@".repeat(100));
      expect(await client.frame()).to.match(/^CONNECTED\n/);
      expect(await client.frame()).to.match(/^ERROR\nmessage:CONNECT came twice/);
      await client.closed();
      expect(stage.broker.accepted).to.equal(2);
    });
  });

  it("is given nothing of the subscriptions that had an id before, however many are not confirmed to have ended", async () => {
    await start();
    const { client, line } = await stage.connect();
    stage.broker.options = { receipts: ({ command }) => command === "SUBSCRIBE" };
    const message = (body: string) =>
      line.send("MESSAGE", { subscription: "1", destination: "/topic/a", "message-id": body }, body);
    const ends: string[] = [];
    for (let i = 0; i < 2; i++) {
      client.send("SUBSCRIBE", { id: "1", destination: "/topic/a" });
      client.send("UNSUBSCRIBE", { id: "1" });
      ends.push((await line.until("UNSUBSCRIBE")).headers.get("receipt")!);
    }
    client.send("SUBSCRIBE", { id: "1", destination: "/topic/a", receipt: "there" });
    await client.frame();

    line.send("RECEIPT", { "receipt-id": ends[0]! });
    message("of the second");
    line.send("RECEIPT", { "receipt-id": ends[1]! });
    message("of the third");

    expect((await client.frame()).body).to.equal("of the third");
    stage.broker.options = {};
  });

  describe("when the session ends", () => {
    it("says DISCONNECT to the broker, and answers the client's when the broker has", async () => {
      await start({ broker: { receipts: false } });
      const { client, line } = await stage.connect();
      client.send("DISCONNECT", { receipt: "bye" });
      const { headers } = await line.until("DISCONNECT");
      line.send("RECEIPT", { "receipt-id": headers.get("receipt")! });
      expect((await client.frame()).headers.get("receipt-id")).to.equal("bye");
      await line.closed();
    });

    it("says DISCONNECT for a client that just went", async () => {
      await start();
      const { client, line } = await stage.connect();
      client.cut();
      await line.until("DISCONNECT");
      await line.closed();
    });
  });

  describe("when the broker ends a client's connection", () => {
    it("ends the session with ERROR", async () => {
      await start();
      const { client, line } = await stage.connect();
      line.cut();
      const frame = await client.frame();
      expect([frame.command, frame.headers.get("message")]).to.deep.equal(["ERROR", "Broker not available"]);
    });

    it("passes its ERROR on, for the frame it names", async () => {
      await start({ broker: { receipts: false } });
      const { client, line } = await stage.connect();
      client.send("SEND", { destination: "/queue/a", receipt: "one" });
      client.send("SEND", { destination: "/queue/b", receipt: "two" });
      await line.frame();
      const { headers } = await line.frame();
      line.send("ERROR", { message: "No such queue", "receipt-id": headers.get("receipt")! });
      const frame = await client.frame();
      expect(Object.fromEntries(frame.headers)).to.include({ message: "No such queue", "receipt-id": "two" });
      await line.closed();
    });
  });

  describe("when the broker is away", () => {
    it("refuses clients with ERROR", async () => {
      await start();
      await stage.broker.close();
      await stage.available(false);
      const client = await stage.open();
      client.send("CONNECT\naccept-version:1.2\nhost:x\n\n^@");
      expect(await client.frame()).to.match(/^ERROR\nmessage:Broker not available\n/);
      expect(await client.closed()).to.equal(1002);
    });
  });

  describe("to users", () => {
    it("delivers here, and the broker hears nothing of it", async () => {
      await start();
      const { client, line } = await stage.connect();
      client.send("SUBSCRIBE", { id: "u", destination: "/user/anything/at/all", ack: "client-individual" });
      await client.messages();
      const session = await new Promise<string>((resolve) => {
        stage.server.messaging.on("subscribed", ({ sessionId }) => resolve(sessionId));
        client.send("SUBSCRIBE", { id: "v", destination: "/topic/a" });
      });
      await stage.server.messaging.template.convertAndSendToUser(session, "/anything/at/all", "psst");
      const { headers, body } = await client.frame();
      expect([headers.get("subscription"), headers.get("destination"), body]).to.deep.equal([
        "u",
        "/user/anything/at/all",
        "psst",
      ]);
      client.send("ACK", { id: headers.get("ack")!, receipt: "acked" });
      expect((await client.frame()).command).to.equal("RECEIPT");
      expect((await line.frame()).headers.get("id")).to.equal("v");
      client.send("ACK", { id: "the-brokers" });
      expect((await line.frame()).headers.get("id")).to.equal("the-brokers");
    });
  });
});
