import { expect } from "chai";
import { RawClient } from "../support/raw-client.js";
import { settled } from "../support/recording.js";
import { startServer, type TestServer } from "../support/server.js";

const [CLIENTS, AT_ONCE] = [1_000, 100];
const MEBIBYTE = 1024 * 1024;

describe("Of a thousand subscribers, one that stops reading", () => {
  let server: TestServer;
  const clients: RawClient[] = [];

  afterEach(async () => {
    for (const client of clients.splice(0)) client.cut();
    await server.close();
  });

  for (const [limit, transport] of [
    ["sendBufferSizeLimit", { sendBufferSizeLimit: MEBIBYTE, sendTimeLimit: 60_000 }],
    ["sendTimeLimit", { sendBufferSizeLimit: 512 * MEBIBYTE, sendTimeLimit: 1_000 }],
  ] as const) {
    it(`is cut by ${limit}, while the others get every message, in order`, async function () {
      this.timeout(120_000);
      server = await startServer({ transport });
      const { messaging, port } = server;
      const cut: string[] = [];
      messaging.on("slowConsumer", (event) => {
        cut.push(event.limit);
      });

      while (clients.length < CLIENTS) {
        const batch = Array.from({ length: AT_ONCE }, () => RawClient.connect(port, "heart-beat:0,0\n"));
        clients.push(...(await Promise.all(batch)));
      }
      for (const client of clients) client.send("SUBSCRIBE\nid:1\ndestination:/topic/all\n\n^@");
      await Promise.all(clients.map((client) => client.synchronize()));
      const [stopped, ...others] = clients as [RawClient, ...RawClient[]];
      // What fills its socket is for it alone, or the kernel would copy gigabytes.
      stopped.send("SUBSCRIBE\nid:2\ndestination:/topic/bulk\n\n^@");
      await stopped.synchronize();
      stopped.webSocket.pause();

      const { template } = messaging;
      const bulk = Buffer.alloc(MEBIBYTE / 2, "x");
      const wrong: string[] = [];
      let published = 0;
      async function tellAll(): Promise<void> {
        const text = `\n\nmessage ${published++}^@`;
        await template.convertAndSend("/topic/all", text.slice(2, -2));
        for (const frame of await Promise.all(others.map((client) => client.frame()))) {
          if (!frame.endsWith(text)) wrong.push(`${frame} in place of ${text}`);
        }
      }
      while (cut.length === 0) {
        // The kernel holds some MiB for both ends; and a thousand clients are told 200 times in more than sendTimeLimit.
        expect(published, "sent to one that does not read").to.be.below(200);
        await template.convertAndSend("/topic/bulk", bulk);
        await tellAll();
      }
      while (messaging.stats().connections === CLIENTS) await settled();
      for (let i = 0; i < 10; i++) await tellAll();

      expect(wrong).to.deep.equal([]);
      expect(cut).to.deep.equal([limit]);
      expect(messaging.stats().connections).to.equal(CLIENTS - 1);
      const more = await Promise.all(others.map((client) => client.synchronize()));
      expect(more.flat()).to.deep.equal([]);
    });
  }
});
