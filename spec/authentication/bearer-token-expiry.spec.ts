import { expect } from "chai";
import { Controller, MessageMapping, Payload } from "express-stomp";
import { post } from "../support/sockjs-http.js";
import { inMs, TokenStage } from "../support/token-stage.js";

describe("bearerToken", () => {
  const stage = new TokenStage();

  afterEach(() => stage.close());

  describe("when a token expires (CVE-2026-57218)", () => {
    it("ends a session that does nothing with an ERROR that says so, once", async () => {
      await stage.start();
      const ended = stage.event("disconnect");
      const client = await stage.subscribed(`rod.${inMs(800)}`, "/topic/a");
      const failed = stage.event("sessionError");
      expect(await client.frame()).to.match(/^ERROR\nmessage:The token has expired\n/);
      expect(await client.closed()).to.equal(1002);
      expect((await failed).user).to.deep.equal({ name: "rod" });
      expect((await ended).user).to.deep.equal({ name: "rod" });
      expect(stage.server.messaging.userRegistry.getUserCount()).to.equal(0);
      expect(stage.tokens.revoke({ user: "rod" })).to.equal(0);
    });

    it("lets no MESSAGE pass after it, before any clock ticks", async () => {
      await stage.start();
      const exp = Date.now() + 600;
      const client = await stage.subscribed(`rod.${exp / 1000}`, "/topic/a");
      const friend = await stage.subscribed("ann", "/topic/a");
      while (Date.now() <= exp);
      await stage.server.messaging.template.convertAndSend("/topic/a", "late");

      expect(await client.frame()).to.match(/^ERROR\nmessage:The token has expired\n/);
      expect(await client.closed()).to.equal(1002);
      expect(await friend.frame()).to.match(/^MESSAGE\n[\s\S]*\nlate\^@$/);
    });

    for (const overflowStrategy of ["terminate", "drop-oldest"] as const) {
      it(`keeps what waits for a slow client from it, with ${overflowStrategy}`, async () => {
        await stage.start(
          {},
          { transport: { sendBufferSizeLimit: 2 ** 27, sendTimeLimit: 60_000, overflowStrategy } },
        );
        const client = await stage.subscribed(`rod.${inMs(1_000)}`, "/topic/a");
        client.webSocket.pause();
        const failed = stage.event("sessionError");
        const body = Buffer.alloc(60_000, "x");
        for (let i = 0; i < 300; i++) await stage.server.messaging.template.convertAndSend("/topic/a", body);
        await stage.server.messaging.template.convertAndSend("/topic/a", "last");
        expect((await failed).error.message).to.equal("The token has expired");
        client.webSocket.resume();

        let last: unknown;
        for (;;) {
          const next = await client.next();
          if (typeof next !== "string") {
            expect(next.closed).to.equal(1006);
            break;
          }
          last = next;
        }
        expect(last)
          .to.match(/^MESSAGE\n/)
          .and.not.match(/last\^@$/);
      });
    }

    it("keeps what waits for a client's next poll from it", async () => {
      await stage.start();
      const path = "/ws/000/s1";
      expect((await post(stage.server.port, `${path}/xhr`)).text).to.equal("o\n");
      const failed = stage.event("sessionError");
      const subscribed = stage.event("subscribed");
      const frames = [
        `CONNECT\naccept-version:1.2\nhost:spec\nAuthorization:Bearer rod.${inMs(1_000)}\n\n\0`,
        "SUBSCRIBE\nid:1\ndestination:/topic/a\n\n\0",
      ];
      await post(stage.server.port, `${path}/xhr_send`, JSON.stringify(frames));
      expect((await post(stage.server.port, `${path}/xhr`)).text).to.contain("CONNECTED");
      await subscribed;
      await stage.server.messaging.template.convertAndSend("/topic/a", "waits");
      await failed;

      expect((await post(stage.server.port, `${path}/xhr`)).text).to.not.contain("waits");
    });

    it("handles no frame after it that came before", async () => {
      const handled: string[] = [];
      const exp = Date.now() + 600;
      @Controller()
      class Slow {
        @MessageMapping("/slow")
        async slow(@Payload() text: string) {
          handled.push(text);
          await new Promise((resolve) => setImmediate(resolve));
          while (Date.now() <= exp);
        }
      }
      await stage.start({}, { controllers: [new Slow()] });
      const client = await stage.connect(`rod.${exp / 1000}`);
      client.send("SEND\ndestination:/app/slow\n\none^@SEND\ndestination:/app/slow\n\ntwo^@");
      expect(await client.frame()).to.match(/^ERROR\nmessage:The token has expired\n/);
      await client.closed();
      expect(handled).to.deep.equal(["one"]);
    });

    it("lets it be for as long as the clocks may differ", async () => {
      await stage.start({ clockTolerance: 60_000 });
      await stage.connect(`rod.${inMs(-30_000)}`);
      expect(await stage.refusal(`Authorization:Bearer rod.${inMs(-61_000)}\n`)).to.equal(
        "The token has expired",
      );
    });

    it("lets a session last that has a token for years, or without an end", async () => {
      await stage.start();
      for (const token of [`rod.${inMs(2 ** 31 * 10)}`, "rod"]) {
        const client = await stage.subscribed(token, "/topic/a");
        // Whose short life makes the clock tick.
        const shortLived = await stage.connect(`ann.${inMs(500)}`);
        await shortLived.frame();
        await stage.server.messaging.template.convertAndSend("/topic/a", "hi");
        expect(await client.frame()).to.match(/\nhi\^@$/);
      }
    });
  });
});
