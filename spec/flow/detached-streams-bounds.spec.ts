import { expect } from "chai";
import {
  ConfigurationError,
  Controller,
  Detached,
  MessageMapping,
  SendToUser,
  SubscribeMapping,
} from "express-stomp";
import { DetachedStage } from "../support/detached-stage.js";
import { startServer } from "../support/server.js";

describe("A stream with @Detached", () => {
  const stage = new DetachedStage();
  const { start, connect, listening, ask, lines } = stage;

  afterEach(() => stage.close());

  describe("is told of", () => {
    it("when it begins and ends, by whatever, and counted", async () => {
      await start({ transport: { timeToFirstMessage: 600_000, connectTimeLimit: 600_000 } });
      const { messaging } = stage.server;
      const told: string[] = [];
      messaging.on("detachedStarted", ({ key, user }) => void told.push(`${key} of ${user?.name}`));
      messaging.on("detachedEnded", ({ key, how, error }) => {
        told.push(`${key}: ${how}${error instanceof Error ? `, ${error.message}` : ""}`);
      });
      const live = await listening();
      const asker = await connect();
      for (const end of [
        () => stage.answers.give(undefined),
        () => stage.answers.give(new Error("no money")),
        () => stage.time.pass(60_000),
        () => messaging.abort("answer 7", "Enough"),
      ]) {
        await ask(asker, "why?");
        // It joins, and is not told.
        await ask(asker, "why?");
        expect(messaging.stats().detached.running).to.equal(1);
        end();
        await live.frame();
      }
      expect(told).to.deep.equal([
        "answer 7 of rod",
        "answer 7: end",
        "answer 7 of rod",
        "answer 7: error, no money",
        "answer 7 of rod",
        "answer 7: timeout, The stream answer 7 was ended: It did not end within 60000 ms",
        "answer 7 of rod",
        "answer 7: abort, The stream answer 7 was ended: Enough",
      ]);
      expect(messaging.stats().detached).to.deep.equal({ running: 0, ended: 1, failed: 3 });
    });

    it("also if a listener ends it at its beginning, once", async () => {
      await start();
      const { messaging } = stage.server;
      const told: string[] = [];
      messaging.on("detachedStarted", ({ key }) => void messaging.abort(key));
      messaging.on("detachedEnded", ({ how }) => void told.push(how));
      const live = await listening();
      await ask(await connect(), "why?");
      expect(await lines(live, 1)).to.deep.equal(["error: It was ended"]);
      await messaging.close({ drainMs: 0 });
      stage.time.pass(60_000);
      expect(told).to.deep.equal(["abort"]);
      expect(messaging.stats().detached).to.deep.equal({ running: 0, ended: 0, failed: 1 });
    });
  });

  it("has as many of one user, and in all, as there may be", async () => {
    await start({ detachedStreams: { limit: 3, limitPerUser: 2 } });
    const rod = await connect();
    for (const id of [1, 2]) await ask(rod, "why?", `/app/answers/${id}`);
    expect((await ask(rod, "why?", "/app/answers/3")).headers.get("message")).to.equal(
      "A user has at most 2 detached streams",
    );
    const ann = await connect("ann");
    // Who joins has none of their own.
    await ask(ann, "why?", "/app/answers/1");
    await ask(ann, "why?", "/app/answers/4");
    expect((await ask(ann, "why?", "/app/answers/5")).headers.get("message")).to.equal(
      "There are too many detached streams at present",
    );
    stage.server.messaging.abort("answer 1");
    expect((await ask(await connect(), "why?", "/app/answers/3")).command).to.equal("RECEIPT");
  });

  it("is joined by those only who may begin it", async () => {
    await start();
    expect((await ask(await connect("rod"), "why?", "/app/secrets/7")).command).to.equal("RECEIPT");
    expect((await ask(await connect("ann"), "why?", "/app/secrets/7")).command).to.equal("ERROR");
  });

  it("is what the header `stream` says, which clients cannot", async () => {
    await start();
    const live = await listening();
    (await connect()).send("SEND", { destination: "/topic/answers/7", stream: "end" }, "not mine");
    expect(await lines(live, 1)).to.deep.equal(["not mine"]);
  });

  describe("fails at start", () => {
    class Plain {
      @SubscribeMapping("/a")
      @Detached({ key: "a" })
      async *a() {}
    }
    class ToUser {
      @MessageMapping("/a")
      @SendToUser("/queue/a")
      @Detached({ key: "a" })
      async *a() {}
    }
    class NoVariable {
      @MessageMapping("/a/{id}")
      @Detached({ key: "{room}" })
      async *a() {}
    }
    class Twice {
      @MessageMapping("/a")
      @Detached({ key: "a" })
      async *a() {}
      @MessageMapping("/b")
      @Detached({ key: "a" })
      async *b() {}
    }
    for (const [controller, text] of [
      [Plain, "Plain.a has @Detached: it stands above methods with @MessageMapping only"],
      [ToUser, 'ToUser.a has @Detached, and @SendToUser for whoever sent: write @SendTo("/…")'],
      [NoVariable, "NoVariable.a wants {room}, which its mapping to /a/{id} does not have"],
      [Twice, "Twice.a and Twice.b have @Detached with the same key: a"],
    ] as const) {
      it(`where ${controller.name} makes no sense`, async () => {
        await start();
        Controller()(controller);
        const message = await startServer({ controllers: [controller] }).then(
          () => "none",
          (error: Error) => error.message,
        );
        expect(message).to.contain(text);
      });
    }

    it("where its options make none", async () => {
      await start();
      for (const [options, text] of [
        [{}, '@Detached: key must be a text such as "answer {id}", not undefined'],
        [{ key: "a", timeout: 0 }, "@Detached: timeout must be a whole number of ms from 1, not 0"],
        [{ key: "a", limit: 1 }, '@Detached has no option "limit"; it has key, timeout'],
      ] as const) {
        expect(() => Detached(options as unknown as { key: string })).to.throw(ConfigurationError, text);
      }
      const message = await startServer({ detachedStreams: { limit: 0 } }).then(
        () => "none",
        (error: Error) => error.message,
      );
      expect(message).to.equal("detachedStreams.limit is 0: it must be a whole number above 0");
    });
  });
});
