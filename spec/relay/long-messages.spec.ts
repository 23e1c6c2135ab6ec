import { expect } from "chai";
import { MessageDeliveryError } from "express-stomp";
import { rejection } from "../support/channels.js";
import { RelayStage } from "../support/relay-stage.js";
import type { ScriptedLine } from "../support/scripted-broker.js";
import { openShared } from "../support/shared-relay-stage.js";

const MEBIBYTE = 1024 * 1024;
const TOO_LONG =
  /^A message to \/topic\/a has \d+ bytes with its headers: messageSizeLimit of the relay is 1048576$/;

for (const connections of ["own", "shared"] as const) {
  describe(`A message that is longer than the relay takes back, with ${connections} connections`, () => {
    let stage: RelayStage;
    let system: ScriptedLine;

    beforeEach(async () => {
      const server = { transport: { messageSizeLimit: 2 * MEBIBYTE, sendBufferSizeLimit: 8 * MEBIBYTE } };
      if (connections === "shared") {
        ({ stage, system } = await openShared({ server }));
      } else {
        stage = await RelayStage.open({ server });
        system = await stage.system();
      }
    });

    afterEach(() => stage.close());

    for (const [what, payload, headers, text] of [
      ["its payload", "x".repeat(1_060_000), {}, TOO_LONG],
      ["its payload and headers", "x".repeat(MEBIBYTE - 10_000), { color: "x".repeat(20_000) }, TOO_LONG],
      ["what the broker adds", "x".repeat(MEBIBYTE - 300), {}, TOO_LONG],
      [
        "its headers",
        "",
        { color: "x".repeat(70_000) },
        /^A message to \/topic\/a has \d+ bytes of headers: headerBytesLimit of the relay is 65536$/,
      ],
    ] as const) {
      it(`is refused to the application, by ${what}, and the broker never sees it`, async () => {
        const { template } = stage.server.messaging;
        const error = await rejection(template.convertAndSend("/topic/a", payload, headers));
        expect(error).to.be.instanceOf(MessageDeliveryError);
        expect(error.message).to.match(text);

        await template.convertAndSend("/topic/a", "next");
        expect((await system.until("SEND")).body).to.equal("next");
        expect(stage.server.messaging.isBrokerAvailable()).to.equal(true);
      });
    }

    it("is refused to a client", async () => {
      const client = await stage.session();
      expect(await client.refusal("SEND", { destination: "/topic/a" }, "x".repeat(1_060_000))).to.match(
        /messageSizeLimit of the relay is 1048576$/,
      );
    });

    it("is none that is as long as what the relay takes", async () => {
      const { template } = stage.server.messaging;
      await template.convertAndSend("/topic/a", "x".repeat(MEBIBYTE - 1_000));
      expect((await system.until("SEND")).body.length).to.equal(MEBIBYTE - 1_000);
    });
  });
}
