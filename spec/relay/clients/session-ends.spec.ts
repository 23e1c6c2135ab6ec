import { expect } from "chai";
import type { StompMessagingOptions } from "express-stomp";
import { Gate } from "../../support/gate.js";
import type { RawClient } from "../../support/raw-client.js";
import { RelayStage } from "../../support/relay-stage.js";
import type { ScriptedLine } from "../../support/scripted-broker.js";
import { openShared } from "../../support/shared-relay-stage.js";

describe("The relay, when a session ends", () => {
  let stage: RelayStage;

  afterEach(() => stage.close());

  /** A client of alice's with a connection to the broker, which does not read any more. */
  async function leaving(
    server: Partial<StompMessagingOptions> = {},
  ): Promise<{ client: RawClient; line: ScriptedLine }> {
    stage = await RelayStage.open({
      server: { endpoints: [{ path: "/ws", user: () => ({ name: "alice" }) }], ...server },
    });
    await stage.system();
    const { client, line } = await stage.knock();
    await line.until("CONNECT");
    await client.frame();
    client.send("SUBSCRIBE\nid:1\ndestination:/topic/a\nreceipt:r\n\n^@");
    client.send("SUBSCRIBE\nid:2\ndestination:/queue/a\nack:client\nreceipt:s\n\n^@");
    await client.frame();
    await client.frame();
    await line.until("SUBSCRIBE");
    await line.until("SUBSCRIBE");
    client.webSocket.pause();
    return { client, line };
  }

  it("says goodbye to the broker at once, though the client does not close", async () => {
    const { line } = await leaving();

    stage.server.messaging.disconnect({ user: "alice" });

    await line.until("DISCONNECT");
    await line.closed();
    expect(stage.server.messaging.stats().connections).to.equal(1);
  });

  it("takes no more of what is not acknowledged, while a frame of a client that broke off is on its way to the broker", async () => {
    const gate = new Gate("MESSAGE");
    const { client, line } = await leaving({ clientInboundChannel: { interceptors: [gate] } });
    client.send("SEND\ndestination:/topic/a\n\nlast^@");
    await gate.came;

    client.cut();
    const unsubscribe = await line.frame();
    expect([unsubscribe.command, unsubscribe.headers.get("id")]).to.deep.equal(["UNSUBSCRIBE", "1"]);

    gate.open();
    const commands = [(await line.frame()).command, (await line.frame()).command];
    expect(commands).to.deep.equal(["SEND", "DISCONNECT"]);
  });

  it("unsubscribes it from shared connections at once, though the client does not close", async () => {
    const opened = await openShared({
      server: { endpoints: [{ path: "/ws", user: () => ({ name: "alice" }) }] },
    });
    ({ stage } = opened);
    const client = await stage.open();
    client.send("CONNECT\naccept-version:1.2\nhost:spec\n\n^@");
    await client.frame();
    client.send("SUBSCRIBE\nid:1\ndestination:/topic/a\nreceipt:r\n\n^@");
    await client.frame();
    client.webSocket.pause();

    stage.server.messaging.disconnect({ user: "alice" });

    await opened.shared.until("UNSUBSCRIBE");
    expect(stage.server.messaging.stats().connections).to.equal(1);
  });
});
