import { expect } from "chai";
import { Controller, MessageMapping, Payload, type RateLimitOptions, SendTo } from "express-stomp";
import type { TestClient } from "express-stomp/testing";
import { type Beside, PairStage } from "../../support/pair-stage.js";

const BESIDES: readonly Beside[] = ["two servers", "the relay", "SockJS", "rules"];
const PRICE = "/topic/open/price";

/** Tells the room what it is told, when the gate is open. */
@Controller()
class Prices {
  static gate: Promise<void> | undefined;

  @MessageMapping("/price")
  @SendTo(PRICE)
  async price(@Payload() text: string): Promise<string> {
    await Prices.gate;
    return text;
  }
}

/** Holds all calls up until it is opened. */
function shut(): () => void {
  let open = () => {};
  Prices.gate = new Promise((resolve) => {
    open = resolve;
  });
  return open;
}

const RULE = { destinations: ["/app/**"], limit: 2, window: 60_000 } as const;

/** SENDs without a receipt. */
function say(client: TestClient, ...texts: string[]): void {
  for (const text of texts) client.raw(`SEND\ndestination:/app/price\ncontent-type:text/plain\n\n${text}\0`);
}

const limited = (...rateLimits: RateLimitOptions[]) => ({
  options: () => ({ controllers: [Prices], rateLimits }),
});

describe("Gentle, in pairs", () => {
  let stage: PairStage;

  afterEach(async () => {
    Prices.gate = undefined;
    await stage.close();
  });

  for (const beside of BESIDES) {
    describe(`with ${beside}`, () => {
      it("close lets one client after the other go, tells when to come back, and leaves other servers alone", async () => {
        stage = await PairStage.open(beside);
        const clients = [];
        for (const name of ["a", "b", "c", "d"]) clients.push(await stage.connect(name));
        const elsewhere = await stage.connect("e", stage.here);
        const reasons: string[] = [];
        for (const client of clients)
          void client.closed.then(({ code, reason }) => reasons.push(`${code} ${reason}`));
        const closed = stage.there.messaging.close({ spreadMs: 400, reconnectInMs: 7_000 });
        for (let gone = 1; gone <= 3; gone++) {
          await stage.clock.pass(100);
          await stage.until(
            () => stage.there.messaging.stats().sessions <= (stage.here === stage.there ? 5 : 4) - gone,
          );
          expect(clients.filter(({ isOpen }) => !isOpen).length).to.be.within(gone, gone + 1);
        }
        await stage.clock.pass(6_000);
        await closed;
        await Promise.all(clients.map((client) => client.closed));
        expect(new Set(reasons)).to.deep.equal(new Set(["1001 Server is shutting down; reconnect-in=7000"]));
        expect(elsewhere.isOpen).to.equal(beside === "two servers");
      });

      it("rateLimits ignore what is beyond, for all subscribers, and the session lives", async () => {
        stage = await PairStage.open(beside, limited({ ...RULE, per: "user", beyond: "ignore" }));
        const rod = await stage.connect("rod", stage.here);
        const prices = await (await stage.connect("ann")).subscribe(PRICE);
        say(rod, "1", "2", "3", "4");
        expect([await prices.next(), await prices.next()]).to.deep.equal(["1", "2"]);
        // Each server has an allowance of its own.
        const again = await stage.connect("rod");
        say(again, "5", "6", "7");
        if (beside === "two servers")
          expect([await prices.next(), await prices.next()]).to.deep.equal(["5", "6"]);
        await Promise.all([rod.settled(), again.settled()]);
        await prices.nothing();
        expect(stage.sum(({ limitsExceeded }) => limitsExceeded["rateLimits[0]"])).to.equal(
          beside === "two servers" ? 3 : 5,
        );
      });

      it("rateLimits tell a client what they refuse, and let wait what may come later", async () => {
        stage = await PairStage.open(
          beside,
          limited(
            { ...RULE, per: "session", limit: 3, beyond: "refuse" },
            { ...RULE, per: "session", limit: 1, window: 1_000, beyond: "wait" },
          ),
        );
        const rod = await stage.connect();
        const errors = await rod.subscribe("/user/queue/errors");
        const prices = await rod.subscribe(PRICE);
        say(rod, "1", "2", "3", "4");
        expect(await prices.next()).to.equal("1");
        for (const text of ["2", "3"]) {
          await stage.clock.pass(1_000);
          expect(await prices.next()).to.equal(text);
        }
        expect(await errors.next()).to.include({
          destination: "/app/price",
          message: "More than 3 SEND in 60000 ms",
        });
        await prices.nothing();
      });

      if (beside !== "the relay") {
        it("conflate lets out the newest, to subscribers on all servers", async () => {
          const conflate = [{ destinations: ["/topic/open/*"], every: 1_000 }];
          stage = await PairStage.open(beside, { broker: { conflate } });
          const prices = await (await stage.connect()).subscribe(PRICE);
          const { template } = stage.here.messaging;
          await Promise.all(["1", "2", "3"].map((text) => template.convertAndSend(PRICE, text)));
          expect(await prices.next()).to.equal("1");
          await prices.nothing();
          await stage.clock.pass(1_000);
          expect(await prices.next()).to.equal("3");
        });
      }

      it("keep-latest gives a client that was slow the newest of each destination", async () => {
        const transport = {
          overflowStrategy: "keep-latest",
          sendBufferSizeLimit: 300_000,
          sendTimeLimit: 60_000,
        } as const;
        stage = await PairStage.open(beside, { options: () => ({ transport }) });
        const rod = await stage.connect();
        const [prices, news] = [await rod.subscribe(PRICE), await rod.subscribe("/topic/open/news")];
        const ann = await stage.connect("ann");
        const other = await ann.subscribe(PRICE);
        rod.lines.stopReading();
        const { template } = stage.here.messaging;
        const long = "x".repeat(30_000);
        const heard: string[] = [];
        for (let number = 1; number <= 100; number++) {
          await stage.passing(template.convertAndSend(PRICE, `${number} ${long}`));
          heard.push(String(await stage.passing(other.next())));
          if (number === 50) await stage.passing(template.convertAndSend("/topic/open/news", "news"));
        }
        expect(heard).to.have.length(100);
        await stage.until(() => stage.there.messaging.stats().messagesDropped > 0);
        rod.lines.resume();
        const numbers: number[] = [];
        while (numbers.at(-1) !== 100) numbers.push(Number.parseInt(String(await prices.next()), 10));
        expect(numbers.length).to.be.below(100);
        expect(numbers).to.deep.equal(numbers.toSorted((a, b) => a - b));
        expect(await news.next()).to.equal("news");
      });

      it("template.request asks a user, and takes the answer", async () => {
        if (beside === "two servers") return;
        stage = await PairStage.open(beside);
        const rod = await stage.connect();
        const questions = await rod.subscribe("/user/queue/confirm");
        const { userRegistry, template } = stage.here.messaging;
        // Another server's registry hears of it a moment later.
        while (userRegistry.findSubscriptionsTo("/user/queue/confirm").length === 0)
          await stage.clock.pass(100);
        const asked = template.request("rod", "/queue/confirm", { text: "Sure?" });
        const { body, headers } = await questions.message();
        expect(body).to.deep.equal({ text: "Sure?" });
        await rod.send(
          headers["reply-to"] ?? "",
          { sure: true },
          { "correlation-id": headers["correlation-id"] ?? "" },
        );
        expect(await asked).to.deep.equal({ sure: true });
      });
    });
  }

  describe("with a drain", () => {
    it("close keeps those who are not done over the spread, until they are", async () => {
      stage = await PairStage.open(undefined, limited());
      const [rod, ann] = [await stage.connect("rod"), await stage.connect("ann")];
      const prices = await rod.subscribe(PRICE);
      const open = shut();
      const sent = rod.send("/app/price", "1");
      await stage.until(() => stage.sum(({ controllers: { working } }) => working) === 1);
      const closed = stage.passing(stage.there.messaging.close({ spreadMs: 200, drainMs: 60_000 }));
      expect(await ann.closed).to.include({ code: 1001 });
      await stage.until(() => stage.there.messaging.stats().connections === 1);
      expect(rod.isOpen).to.equal(true);
      open();
      await Promise.all([sent, closed]);
      expect(await prices.next()).to.equal("1");
      expect(await rod.closed).to.include({ code: 1001 });
    });

    it("rateLimits hold nothing up any longer", async () => {
      stage = await PairStage.open(
        undefined,
        limited({ ...RULE, per: "user", limit: 1, window: 9_000, beyond: "wait" }),
      );
      const rod = await stage.connect();
      const prices = await rod.subscribe(PRICE);
      say(rod, "1", "2", "3");
      expect(await prices.next()).to.equal("1");
      await stage.until(() => stage.sum(({ limitsExceeded }) => limitsExceeded["rateLimits[0]"]) === 1);
      const begin = stage.clock.now();
      await stage.there.messaging.close();
      expect([await prices.next(), await prices.next()]).to.deep.equal(["2", "3"]);
      expect(stage.clock.now()).to.equal(begin);
    });

    it("conflate lets out what waits, on all servers", async () => {
      const conflate = [{ destinations: ["/topic/open/*"], every: 60_000 }];
      stage = await PairStage.open("two servers", { broker: { conflate } });
      const prices = await (await stage.connect()).subscribe(PRICE);
      const { template } = stage.here.messaging;
      await Promise.all(["1", "2", "3"].map((text) => template.convertAndSend(PRICE, text)));
      expect(await prices.next()).to.equal("1");
      const begin = stage.clock.now();
      await stage.here.messaging.close();
      expect(await prices.next()).to.equal("3");
      expect(stage.clock.now()).to.equal(begin);
    });

    it("keep-latest gives the newest before the close, to a client that reads again", async () => {
      const transport = {
        overflowStrategy: "keep-latest",
        sendBufferSizeLimit: 300_000,
        sendTimeLimit: 60_000,
      } as const;
      stage = await PairStage.open(undefined, { options: () => ({ transport }) });
      const rod = await stage.connect();
      const prices = await rod.subscribe(PRICE);
      rod.lines.stopReading();
      const long = "x".repeat(30_000);
      for (let number = 1; number <= 50; number++)
        await stage.passing(stage.here.messaging.template.convertAndSend(PRICE, `${number} ${long}`));
      const closed = stage.there.messaging.close();
      rod.lines.resume();
      let last = 0;
      while (last < 50) last = Number.parseInt(String(await prices.next()), 10);
      expect(await rod.closed).to.include({ code: 1001 });
      await closed;
    });

    it("template.request is answered no more, but what was answered is", async () => {
      stage = await PairStage.open();
      const rod = await stage.connect();
      const questions = await rod.subscribe("/user/queue/confirm");
      const { template } = stage.here.messaging;
      const reason = (asked: Promise<unknown>) => asked.catch((error: { reason: string }) => error.reason);
      const first = reason(template.request("rod", "/queue/confirm", "1"));
      const second = reason(template.request("rod", "/queue/confirm", "2"));
      const { headers } = await questions.message();
      await rod.send(
        headers["reply-to"] ?? "",
        { sure: true },
        { "correlation-id": headers["correlation-id"] ?? "" },
      );
      await stage.there.messaging.close();
      expect([await first, await second]).to.deep.equal([{ sure: true }, "closed"]);
    });
  });
});
